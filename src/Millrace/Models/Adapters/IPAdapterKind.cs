namespace Millrace.Models.Adapters;

/// <summary>How an <see cref="IPAdapterModel"/> makes tokens of a picture.</summary>
public enum IPAdapterKind
{
    /// <summary>From the one vector of the picture: a projection to some tokens.</summary>
    Plain,

    /// <summary>From all tokens of the picture's encoder: learned queries that attend to them (IP-Adapter plus).</summary>
    Plus,

    /// <summary>From all tokens of the picture's encoder, each by itself (IP-Adapter full).</summary>
    Full,
}
