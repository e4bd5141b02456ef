using static TorchSharp.torch;

namespace Millrace.Checkpoints.Adapters;

/// <summary>The vectors of a textual inversion, in the forms of the web interfaces (<c>emb_params</c>, <c>string_to_param</c>), of diffusers (the token names the tensor) and of SDXL (<c>clip_l</c>, <c>clip_g</c>).</summary>
internal static class TextualInversionFile
{
    private const string Archive = "string_to_param.";

    private static readonly string[] First = ["clip_l", "text_encoders_0"], Second = ["clip_g", "text_encoders_1"], Nameless = ["emb_params", .. First, .. Second];

    /// <summary>The word that a file names; null where it leaves that to its own name.</summary>
    public static string? Token(TensorFile file) => Single(file) is { Name: var name } && !Nameless.Contains(name) && !name.StartsWith(Archive, StringComparison.Ordinal) ? name : null;

    /// <summary>Reads the vectors for each text encoder.</summary>
    /// <param name="file">The file.</param>
    /// <param name="widths">Width of each of the model's text encoders, one or two; the last is SDXL's second where <paramref name="xl"/>.</param>
    /// <param name="xl">Whether the model is an SDXL.</param>
    /// <returns>For each text encoder [n, width], float32, in the dispose scope of the caller.</returns>
    /// <exception cref="InvalidDataException">Where the file is no textual inversion, or one for another base.</exception>
    public static IReadOnlyList<Tensor> Read(TensorFile file, IReadOnlyList<int> widths, bool xl)
    {
        IEnumerable<string[]> wanted = widths.Count == 2 ? [First, Second] : [Second];
        TensorEntry?[] entries = xl ? [.. wanted.Select(names => file.Entries.FirstOrDefault(entry => names.Contains(entry.Name)))] : [Single(file)];
        string needed = xl
            ? $"tensors {string.Join(" and ", wanted.Zip(widths, (names, width) => $"{names[0]} of [n, {width}]"))}"
            : $"one tensor of [n, {widths[0]}], named emb_params, {Archive}*, or as the word";
        if (entries.Contains(null) || entries.Zip(widths).Any(pair => pair.First!.Shape.Count is not (1 or 2) || pair.First.Shape[^1] != pair.Second) || entries.Any(entry => entry!.Count == 0))
        {
            throw new InvalidDataException($"'{file.Path}' is no textual inversion for this model, which needs {needed}; the file holds {Listing(file)}.");
        }

        Tensor[] vectors = [.. entries.Zip(widths, (entry, width) => file.Read(entry!.Name, float32).view(-1, width))];
        return vectors.Any(one => !one.isfinite().all().item<bool>()) ? throw new InvalidDataException($"'{file.Path}': a vector holds NaN or infinity: its values are broken.")
            : vectors.Any(one => one.shape[0] != vectors[0].shape[0])
                ? throw new InvalidDataException($"'{file.Path}': both text encoders must get as many vectors, got {string.Join(" and ", vectors.Select(one => one.shape[0]))}.")
                : vectors;
    }

    /// <summary>The one tensor that holds vectors; null where there is none, or several.</summary>
    private static TensorEntry? Single(TensorFile file)
    {
        TensorEntry[] archived = [.. file.Entries.Where(entry => entry.Name.StartsWith(Archive, StringComparison.Ordinal))];
        IReadOnlyCollection<TensorEntry> candidates = archived.Length > 0 ? archived : file.Entries;
        return candidates.Count == 1 ? candidates.Single() : null;
    }

    private static string Listing(TensorFile file)
    {
        const int Listed = 5;
        string more = file.Entries.Count > Listed ? $" and {file.Entries.Count - Listed} more" : "";
        return string.Join(", ", file.Entries.Take(Listed).Select(entry => $"{entry.Name} [{string.Join(", ", entry.Shape)}]")) + more;
    }
}
