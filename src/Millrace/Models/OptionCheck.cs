using System.Numerics;
using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace Millrace.Models;

/// <summary>Checks shared by the option records of networks; each message names the option, the value seen and the values allowed.</summary>
internal static class OptionCheck
{
    // No network has sides or layers beyond these; a hostile file that asks for them would take all memory.
    private const int LargestWidth = 1_000_000;
    private const int MostLayers = 1_000;

    public static void Positive<T>(T value, [CallerArgumentExpression(nameof(value))] string name = "")
        where T : INumber<T>
    {
        if (!(value > T.Zero && value <= T.CreateChecked(LargestWidth)))
        {
            throw new ArgumentOutOfRangeException(name, $"{name} must be above 0 and at most {LargestWidth}, got {value}.");
        }
    }

    public static void AtMost(int value, int most, string name)
    {
        if (value < 1 || value > most)
        {
            throw new ArgumentOutOfRangeException(name, $"{name} must be from 1 to the width {most}, got {value}.");
        }
    }

    public static void Layers(int value, [CallerArgumentExpression(nameof(value))] string name = "")
    {
        if (value is < 1 or > MostLayers)
        {
            throw new ArgumentOutOfRangeException(name, $"{name} must be from 1 to {MostLayers}, got {value}.");
        }
    }

    public static void AtMostLayers(int value, [CallerArgumentExpression(nameof(value))] string name = "")
    {
        if (value is < 0 or > MostLayers)
        {
            throw new ArgumentOutOfRangeException(name, $"{name} must be from 0 to {MostLayers}, got {value}.");
        }
    }

    public static void Layers(IReadOnlyList<int> values, [CallerArgumentExpression(nameof(values))] string name = "")
    {
        foreach (int value in values)
        {
            Layers(value, name);
        }
    }

    public static void Positive(IReadOnlyList<int> values, [CallerArgumentExpression(nameof(values))] string name = "")
    {
        if (values.Count == 0 || values.Any(value => value is <= 0 or > LargestWidth))
        {
            throw new ArgumentOutOfRangeException(name, $"{name} must hold at least one value, each above 0 and at most {LargestWidth}, got [{string.Join(", ", values)}].");
        }
    }

    public static void Precision(ScalarType value, [CallerArgumentExpression(nameof(value))] string name = "")
    {
        if (value is not (ScalarType.Float32 or ScalarType.Float16 or ScalarType.BFloat16))
        {
            throw new ArgumentException($"{name} must be Float32, Float16 or BFloat16, got {value}.", name);
        }
    }

    public static void Stages<T>(IReadOnlyList<T> values, int stages, [CallerArgumentExpression(nameof(values))] string name = "")
    {
        if (values.Count != stages)
        {
            throw new ArgumentException($"{name} must hold one value for each of the {stages} stages, got [{string.Join(", ", values)}].", name);
        }
    }

    /// <summary>A list that may be empty, which means a default.</summary>
    public static void PerStage<T>(IReadOnlyList<T> values, int stages, [CallerArgumentExpression(nameof(values))] string name = "")
    {
        if (values.Count > 0)
        {
            Stages(values, stages, name);
        }
    }

    public static void Odd(int value, [CallerArgumentExpression(nameof(value))] string name = "")
    {
        if (value is < 1 or > 99 || value % 2 == 0)
        {
            throw new ArgumentOutOfRangeException(name, $"{name} must be odd, from 1 to 99, got {value}.");
        }
    }

    public static void Divisible(
        IReadOnlyList<int> values, IReadOnlyList<int> divisors, [CallerArgumentExpression(nameof(values))] string name = "")
    {
        foreach ((int value, int divisor) in values.Zip(divisors))
        {
            if (value % divisor != 0)
            {
                throw new ArgumentException($"{name} must hold values divisible by [{string.Join(", ", divisors)}], got [{string.Join(", ", values)}].", name);
            }
        }
    }
}
