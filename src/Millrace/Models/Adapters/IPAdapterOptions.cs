namespace Millrace.Models.Adapters;

/// <summary>Shape of an <see cref="IPAdapterModel"/>; the defaults are those of the plain one for Stable Diffusion 1.x.</summary>
public sealed record IPAdapterOptions
{
    /// <summary>How tokens are made of a picture.</summary>
    public IPAdapterKind Kind { get; init; } = IPAdapterKind.Plain;

    /// <summary>Width of what the picture's encoder gives: its projected embedding for <see cref="IPAdapterKind.Plain"/>, else its hidden states.</summary>
    public int ImageWidth { get; init; } = 1024;

    /// <summary>Tokens that are made of a picture; of <see cref="IPAdapterKind.Full"/> as many as the encoder has, whatever this says.</summary>
    public int Tokens { get; init; } = 4;

    /// <summary>Width of the tokens, that of the text.</summary>
    public int ContextWidth { get; init; } = 768;

    /// <summary>Width of each attention to the text in the U-Net: of the way down, then of the way up, then of the middle block.</summary>
    public IReadOnlyList<int> LayerWidths { get; init; } = [320, 320, 640, 640, 1280, 1280, 1280, 1280, 1280, 640, 640, 640, 320, 320, 320, 1280];

    /// <summary>Width within <see cref="IPAdapterKind.Plus"/> and <see cref="IPAdapterKind.Full"/>.</summary>
    public int InnerWidth { get; init; } = 768;

    /// <summary>Layers of <see cref="IPAdapterKind.Plus"/>.</summary>
    public int Depth { get; init; } = 4;

    /// <summary>Attention heads of <see cref="IPAdapterKind.Plus"/>, each <see cref="HeadWidth"/> wide.</summary>
    public int Heads { get; init; } = 12;

    /// <summary>Width within the feed-forward layers of <see cref="IPAdapterKind.Plus"/>.</summary>
    public int FeedForwardWidth { get; init; } = 3072;

    /// <summary>Width of an attention head of <see cref="IPAdapterKind.Plus"/>; the same in every published one, and told by no weight.</summary>
    public const int HeadWidth = 64;

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">Names the option, the value seen and the values allowed.</exception>
    public void Validate()
    {
        OptionCheck.Positive(ImageWidth);
        OptionCheck.Positive(Tokens);
        OptionCheck.Positive(ContextWidth);
        OptionCheck.Positive(LayerWidths);
        OptionCheck.Positive(InnerWidth);
        OptionCheck.Layers(Depth);
        OptionCheck.Positive(Heads);
        OptionCheck.Positive(FeedForwardWidth);
    }
}
