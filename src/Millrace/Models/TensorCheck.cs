using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace Millrace.Models;

/// <summary>Checks of what callers hand to a network; each message names the argument, the shape seen and the shape allowed.</summary>
internal static class TensorCheck
{
    /// <summary>Whether <paramref name="tensor"/> is [B, channels, H, W] with both sides divisible by <paramref name="factor"/>.</summary>
    public static void Image(Tensor tensor, int channels, int factor = 1, [CallerArgumentExpression(nameof(tensor))] string name = "")
    {
        long[] shape = tensor.shape;
        if (shape.Length != 4 || shape[1] != channels || shape[2] % factor != 0 || shape[3] % factor != 0)
        {
            string divisible = factor == 1 ? "" : $" with H and W divisible by {factor}";
            throw new ArgumentException($"{name} must be [B, {channels}, H, W]{divisible}, got [{string.Join(", ", shape)}].", name);
        }
    }

    /// <summary>Whether timesteps are [B], with the rows of x.</summary>
    public static void Times(Tensor x, Tensor t)
    {
        long rows = x.shape[0];
        if (!t.shape.SequenceEqual([rows]))
        {
            throw new ArgumentException($"t must be [{rows}], one timestep for each row of x, got [{string.Join(", ", t.shape)}].", nameof(t));
        }
    }

    /// <summary>Whether timesteps are [B] and text is [B, tokens, width], with the rows of x.</summary>
    public static void Rows(Tensor x, Tensor t, Tensor text, int textWidth)
    {
        Times(x, t);
        long rows = x.shape[0];
        long[] shape = text.shape;
        if (shape.Length != 3 || shape[0] != rows || shape[2] != textWidth)
        {
            throw new ArgumentException(
                $"text must be [{rows}, tokens, {textWidth}], one row for each row of x, got [{string.Join(", ", shape)}].", nameof(text));
        }
    }
}
