namespace Millrace.Runtime.Kernels.Int8;

/// <summary>What a product applies to its sums before it writes them.</summary>
internal enum ByteActivation
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>max(x, 0).</summary>
    Relu,
}
