using Millrace.Training.Data;

namespace Millrace.Training.Pictures;

/// <summary>Classes of pictures: captions, or, without any, the sub-folders that they stand in.</summary>
public static class PictureClasses
{
    /// <summary>The class of each picture.</summary>
    /// <param name="set">The pictures.</param>
    /// <exception cref="InvalidDataException">Where a picture has none; names it.</exception>
    public static IReadOnlyList<string> Of(PictureSet set)
    {
        bool captioned = set.Captions.Any(caption => caption.Length > 0);
        string[] names = captioned ? [.. set.Captions] : [.. set.Names.Select(name => name.Contains('/', StringComparison.Ordinal) ? name[..name.IndexOf('/', StringComparison.Ordinal)] : "")];
        int missing = Array.IndexOf(names, "");
        return missing < 0 ? names : throw new InvalidDataException(
            $"'{set.Names[missing]}' has no class: {(captioned ? "other pictures have a caption that names it, this one has none" : "it has no caption and stands in no sub-folder")}.");
    }
}
