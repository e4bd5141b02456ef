using System.Text.Json.Nodes;

namespace Millrace.Checkpoints.SingleFiles;

/// <summary>A family of models that are published as single files.</summary>
internal sealed record SingleFileFamily
{
    /// <summary>Which.</summary>
    public required CheckpointKind Kind { get; init; }

    /// <summary>Its pipeline in <c>model_index.json</c>.</summary>
    public required string Pipeline { get; init; }

    /// <summary>Its networks.</summary>
    public required IReadOnlyList<PartForm> Parts { get; init; }

    /// <summary>Its scheduler, from what the network predicts and whether it was trained to full noise.</summary>
    public required Func<PredictionType, bool, JsonObject> Scheduler { get; init; }

    /// <summary>What the network predicts where the file does not say; null where its models differ and weights do not tell.</summary>
    public PredictionType? Prediction { get; init; } = PredictionType.Epsilon;

    /// <summary>The index of a folder with some of the parts.</summary>
    public JsonObject Index(IReadOnlyCollection<string> parts)
    {
        static JsonArray Of((string Library, string Name) part) => new(part.Library, part.Name);
        var index = new JsonObject { ["_class_name"] = Pipeline, ["scheduler"] = Of(("diffusers", Scheduler(PredictionType.Epsilon, false)["_class_name"]!.GetValue<string>())) };
        foreach (PartForm part in Parts)
        {
            bool there = parts.Contains(part.Folder);
            index[part.Folder] = there ? Of(part.Class) : new JsonArray(null, null);
            if (part.Tokenizer is { } tokenizer)
            {
                index[part.TokenizerFolder] = there ? Of(("transformers", tokenizer == TokenizerForm.T5 ? "T5TokenizerFast" : "CLIPTokenizer")) : new JsonArray(null, null);
            }
        }

        return index;
    }
}
