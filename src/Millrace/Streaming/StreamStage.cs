namespace Millrace.Streaming;

/// <summary>A part of a frame's way whose time is measured.</summary>
public enum StreamStage
{
    /// <summary>Waiting for the source, decoding and fitting to size.</summary>
    Read,

    /// <summary>Pixels to latent, the similarity filter included.</summary>
    Encode,

    /// <summary>One tick of the stream batch: the network call and the step.</summary>
    Denoise,

    /// <summary>Latent to pixels.</summary>
    Decode,

    /// <summary>Giving the frame to the sink.</summary>
    Write,

    /// <summary>From the end of reading to the end of writing.</summary>
    Total,
}
