namespace Millrace.Compression.Segments;

/// <summary>What a residual layer is made of.</summary>
public enum LayerKind
{
    /// <summary>Two convolutions.</summary>
    ResidualBlock,

    /// <summary>Attention of pixels, with what stands around it: a whole transformer over pixels, or attention alone.</summary>
    Attention,

    /// <summary>One block of a transformer: attentions and feed-forward.</summary>
    TransformerBlock,
}
