namespace Millrace.Checkpoints.SingleFiles;

/// <summary>A text encoder in the names of transformers; early files leave out the first of them.</summary>
internal static class ClipNames
{
    private const string First = "text_model.";

    /// <summary>From the names in a single file.</summary>
    public static NameMap OfSingle(NameSet names) => names.HasAny("embeddings.") ? new NameMap().Add("", First) : NameMap.Same;

    /// <summary>From the names in a folder.</summary>
    public static NameMap OfFolder(NameSet names) => NameMap.Same;
}
