namespace Millrace.Runtime.Kernels.Int8;

/// <summary>What unsigned bytes stand for: x = scale (q - zero point), q from 0 to the largest byte in use.</summary>
/// <param name="Scale">Step between two bytes, above 0.</param>
/// <param name="ZeroPoint">The byte that stands for 0.</param>
/// <param name="Top">The largest byte in use: 255, or less where fewer than 8 bits are wanted.</param>
internal readonly record struct ByteScale(float Scale, int ZeroPoint, int Top = 255);
