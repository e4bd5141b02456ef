namespace Millrace.Training.Pictures;

/// <summary>The path from pictures to noise that a model learns to go back.</summary>
public enum PictureProcess
{
    /// <summary>The straight one of rectified flow, of which the network predicts the velocity.</summary>
    Flow,

    /// <summary>That of Stable Diffusion, of which the network predicts v: such a model also runs in a stream.</summary>
    V,
}
