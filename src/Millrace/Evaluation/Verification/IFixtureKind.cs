using System.Text.Json;

namespace Millrace.Evaluation.Verification;

/// <summary>Knows one kind of fixture: recognizes its folder and lists its cases.</summary>
internal interface IFixtureKind
{
    /// <summary>Whether a folder is of this kind.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="document">Its <c>config.json</c>, else its <c>index.json</c>.</param>
    bool Recognizes(FixtureFolder folder, JsonElement document);

    /// <summary>The cases of a folder of this kind.</summary>
    IEnumerable<FixtureCase> Cases(FixtureFolder folder, JsonElement document);
}
