namespace Millrace.Checkpoints.SingleFiles;

/// <summary>How the values of a tensor stand in a single file, compared with a folder.</summary>
internal enum Rearrangement
{
    /// <summary>As they are.</summary>
    None,

    /// <summary>Rows and columns exchanged.</summary>
    Transposed,

    /// <summary>A 1 x 1 convolution in the file, a matrix in the folder.</summary>
    PointConvolution,

    /// <summary>The first half of the rows stands second: (shift, scale) in the file, (scale, shift) in the folder.</summary>
    SwappedHalves,
}
