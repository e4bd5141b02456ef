using System.Globalization;

namespace Millrace.Server.Models;

/// <summary>Two prompts and how far the way from the first to the second is gone; as one prompt that a <see cref="BlendingTextEncoder"/> reads.</summary>
/// <param name="First">Alone at a share of 0.</param>
/// <param name="Second">Alone at a share of 1.</param>
/// <param name="Share">In [0, 1].</param>
internal sealed record BlendedPrompt(string First, string Second, double Share)
{
    // No prompt that a person types holds it.
    private const char Separator = '\u001f';

    public override string ToString() => string.Join(Separator, First, Second, Share.ToString("0.###", CultureInfo.InvariantCulture));

    /// <summary>Null where a prompt is one alone.</summary>
    public static BlendedPrompt? Parse(string prompt) =>
        prompt.Split(Separator) is [var first, var second, var share] && double.TryParse(share, CultureInfo.InvariantCulture, out double value) ? new(first, second, value) : null;
}
