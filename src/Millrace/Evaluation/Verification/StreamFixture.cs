using System.Text.Json;

namespace Millrace.Evaluation.Verification;

/// <summary>
/// The streaming engine: an <c>index.json</c> with the settings of each case (<c>t_index_list</c>, <c>cfg_type</c> ...), and for
/// each case a file with every frame that went in and came out. The networks are those of the folders unet-sd15 and
/// autoencoder-tiny beside it.
/// </summary>
internal sealed class StreamFixture : IFixtureKind
{
    private const string Kind = "stream";

    public bool Recognizes(FixtureFolder folder, JsonElement document) =>
        document.EnumerateObject().All(entry => entry.Value.ValueKind == JsonValueKind.Object && entry.Value.TryGetProperty("t_index_list", out _));

    public IEnumerable<FixtureCase> Cases(FixtureFolder folder, JsonElement document) =>
        document.EnumerateObject().Select(entry => FixtureCase.Unsupported($"{folder.Label}/{entry.Name}", Kind, "The stream is not computed here yet."));
}
