using TorchSharp;
using static TorchSharp.torch;

namespace Millrace;

/// <summary>
/// Sums of tensors, and tensors with numbers. The operators of TorchSharp, and its functions that take a number, make a temporary
/// <see cref="Scalar"/> for these (also the factor 1 of a sum), which the garbage collector may free while the native call still
/// reads it: one call in some ten thousand then throws, or gives another type or number, if a collection falls into it. Here the
/// scalar outlives the call, and nothing else in the library makes one. Products and quotients of two tensors need none.
/// </summary>
internal static class TensorArithmetic
{
    private static readonly Scalar One = 1, MinusOne = -1;

    public static Tensor Plus(this Tensor left, Tensor right) => left.add(right, One);

    public static Tensor Minus(this Tensor left, Tensor right) => left.add(right, MinusOne);

    public static Tensor Plus(this Tensor left, double right)
    {
        using Scalar number = right;
        return left.add(number, One);
    }

    /// <summary>Of whole numbers, that stay whole.</summary>
    public static Tensor Plus(this Tensor left, long right)
    {
        using Scalar number = right;
        return left.add(number, One);
    }

    /// <summary>left - right.</summary>
    public static Tensor TakenFrom(this Tensor right, double left)
    {
        using Scalar number = left;
        using Tensor negative = right.neg();
        return negative.add(number, One);
    }

    public static Tensor Times(this Tensor left, double right)
    {
        using Scalar number = right;
        return left.mul(number);
    }

    /// <summary>Of whole numbers, that stay whole.</summary>
    public static Tensor Times(this Tensor left, long right)
    {
        using Scalar number = right;
        return left.mul(number);
    }

    /// <summary>The square of every element; <see cref="Tensor.square"/> makes a temporary scalar for its exponent.</summary>
    public static Tensor Squared(this Tensor tensor) => tensor * tensor;

    public static Tensor Clamped(this Tensor tensor, double low, double high)
    {
        using Scalar lowest = low, highest = high;
        return tensor.clamp(lowest, highest);
    }

    public static Tensor AtLeast(this Tensor tensor, double low)
    {
        using Scalar lowest = low;
        return tensor.clamp_min(lowest);
    }

    /// <summary>Of whole numbers, that stay whole.</summary>
    public static Tensor AtLeast(this Tensor tensor, long low)
    {
        using Scalar lowest = low;
        return tensor.clamp_min(lowest);
    }

    public static Tensor AtMost(this Tensor tensor, double high)
    {
        using Scalar highest = high;
        return tensor.clamp_max(highest);
    }

    public static Tensor ToThePower(this Tensor tensor, double exponent)
    {
        using Scalar number = exponent;
        return tensor.pow(number);
    }

    /// <summary>Which elements are below a number, bool.</summary>
    public static Tensor IsBelow(this Tensor tensor, double number)
    {
        using Scalar right = number;
        return tensor.lt(right);
    }

    /// <summary>Which elements are a whole number, bool.</summary>
    public static Tensor IsEqualTo(this Tensor tensor, long number)
    {
        using Scalar right = number;
        return tensor.eq(right);
    }

    /// <summary>0, 1, ..., <paramref name="count"/> - 1; int64 unless another type is asked for.</summary>
    public static Tensor Indices(long count, Device? device = null, ScalarType type = ScalarType.Int64)
    {
        using Scalar start = 0L, stop = count, step = 1L;
        return arange(start, stop, step, dtype: type, device: device);
    }

    /// <summary>A tensor of one number throughout, float32.</summary>
    public static Tensor Filled(double number, Device? device = null, params long[] shape)
    {
        using Scalar value = number;
        return full(shape, value, dtype: float32, device: device);
    }

    public static void Fill(this Tensor tensor, double number)
    {
        using Scalar value = number;
        using DisposeScope scope = NewDisposeScope(); // Some of these give a second object for the same tensor.
        tensor.fill_(value);
    }

    /// <summary>tensor = factor tensor.</summary>
    public static void Scale(this Tensor tensor, double factor)
    {
        using Scalar number = factor;
        using DisposeScope scope = NewDisposeScope();
        tensor.mul_(number);
    }

    /// <summary>tensor = tensor + number.</summary>
    public static void Shift(this Tensor tensor, double number)
    {
        using Scalar value = number;
        using DisposeScope scope = NewDisposeScope();
        tensor.add_(value, One);
    }

    /// <summary>tensor = tensor + factor other.</summary>
    public static void Add(this Tensor tensor, Tensor other, double factor = 1)
    {
        using Scalar number = factor;
        using DisposeScope scope = NewDisposeScope();
        tensor.add_(other, number);
    }

    /// <summary>tensor = tensor + factor left right.</summary>
    public static void AddProduct(this Tensor tensor, Tensor left, Tensor right, double factor)
    {
        using Scalar number = factor;
        using DisposeScope scope = NewDisposeScope();
        tensor.addcmul_(left, right, number);
    }

    /// <summary>tensor = tensor + factor left / right.</summary>
    public static void AddQuotient(this Tensor tensor, Tensor left, Tensor right, double factor)
    {
        using Scalar number = factor;
        using DisposeScope scope = NewDisposeScope();
        tensor.addcdiv_(left, right, number);
    }

    /// <summary>tensor = (1 - share) tensor + share end.</summary>
    public static void MoveTowards(this Tensor tensor, Tensor end, double share)
    {
        tensor.Scale(1 - share);
        tensor.Add(end, share);
    }
}
