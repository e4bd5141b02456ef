namespace Millrace.Models.Layers;

/// <summary>What a block does to the sides of its input.</summary>
internal enum Resampling
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Averages of 2 x 2.</summary>
    Halve,

    /// <summary>Nearest neighbours.</summary>
    Double,
}
