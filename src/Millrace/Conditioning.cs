using static TorchSharp.torch;

namespace Millrace;

/// <summary>
/// What enters a network beside x_t and t, one row for each row of x_t. A view of tensors, not their owner: who made the
/// tensors disposes them.
/// </summary>
/// <param name="Text">Hidden states of the text encoder, [B, tokens, width], in the network's precision and on its device.</param>
public sealed record Conditioning(Tensor Text)
{
    /// <summary>Number of rows B.</summary>
    public long Rows => Text.shape[0];

    /// <summary>One row alone, [1, tokens, width]. The result is the caller's to dispose.</summary>
    public Conditioning Row(long row) => new(Text.narrow(0, row, 1));

    /// <summary>The rows of both, <paramref name="first"/> in front, [B1 + B2, tokens, width]. The result is the caller's to dispose.</summary>
    public static Conditioning Concatenate(Conditioning first, Conditioning second) => new(cat([first.Text, second.Text], 0));
}
