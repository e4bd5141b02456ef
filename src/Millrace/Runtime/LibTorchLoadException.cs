namespace Millrace.Runtime;

/// <summary>libtorch does not load on this machine. The message is one sentence or two: what failed, why, and what cures it.</summary>
/// <param name="library">File name or path of the library that failed.</param>
/// <param name="reason">Why, in plain words.</param>
/// <param name="cure">What the user can do about it.</param>
/// <param name="inner">What the system's loader said.</param>
public sealed class LibTorchLoadException(string library, string reason, string cure, Exception? inner = null)
    : Exception($"libtorch cannot be loaded: {library}: {reason}. {cure}", inner)
{
    /// <summary>File name or path of the library that failed.</summary>
    public string Library { get; } = library;

    /// <summary>Why, in plain words.</summary>
    public string Reason { get; } = reason;

    /// <summary>What the user can do about it.</summary>
    public string Cure { get; } = cure;
}
