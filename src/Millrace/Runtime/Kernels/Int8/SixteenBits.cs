namespace Millrace.Runtime.Kernels.Int8;

/// <summary>
/// How much of a block's sum VPMADDUBSW may hold in 16 bits without saturating, whatever the activations: the weights alone decide,
/// so it is known when they are packed.
/// </summary>
internal enum SixteenBits
{
    /// <summary>Not even one pair of products.</summary>
    None,

    /// <summary>One pair.</summary>
    Pair,

    /// <summary>Two pairs, those of both halves of the block: one widening to 32 bits in place of two.</summary>
    TwoPairs,
}
