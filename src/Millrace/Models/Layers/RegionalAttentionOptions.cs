namespace Millrace.Models.Layers;

/// <summary>How attention of the tokens of a grid is replaced by a cheaper one, of windows and of pooled tokens.</summary>
public sealed record RegionalAttentionOptions
{
    /// <summary>Side of a window, within which every token attends to every other; it divides the sides of the grid.</summary>
    public int Window { get; init; } = 8;

    /// <summary>Side of the squares of tokens whose mean keys and values all tokens attend to; it divides the sides of the grid.</summary>
    public int Pooling { get; init; } = 4;

    /// <summary>Which of the two there are.</summary>
    public RegionalAttentionMode Mode { get; init; }

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Names the option, the value seen and the values allowed.</exception>
    public void Validate()
    {
        OptionCheck.Positive(Window);
        OptionCheck.Positive(Pooling);
    }
}
