using TorchSharp;
using static TorchSharp.torch;

namespace Millrace;

/// <summary>
/// Sums of tensors, and tensors with numbers, for every path that runs once a frame. The operators of TorchSharp make a
/// temporary <see cref="Scalar"/> for these (also the factor 1 of a sum), which the garbage collector may free while the
/// native call still reads it: one call in some ten thousand then throws, if a collection falls into it. Here the scalar
/// outlives the call. Products and quotients of two tensors need none.
/// </summary>
internal static class TensorArithmetic
{
    private static readonly Scalar One = 1, MinusOne = -1;

    public static Tensor Plus(this Tensor left, Tensor right) => left.add(right, One);

    public static Tensor Minus(this Tensor left, Tensor right) => left.add(right, MinusOne);

    public static Tensor Plus(this Tensor left, double right)
    {
        using Scalar number = right;
        return left.add(number);
    }

    public static Tensor Times(this Tensor left, double right)
    {
        using Scalar number = right;
        return left.mul(number);
    }

    public static Tensor Clamped(this Tensor tensor, double low, double high)
    {
        using Scalar lowest = low, highest = high;
        return tensor.clamp(lowest, highest);
    }
}
