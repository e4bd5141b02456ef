using System.Text.Json;

namespace Millrace.Evaluation.Verification;

/// <summary>
/// Solvers over the model f(x, t) = 0.3 x + 0.1 sin(t / 100) - 0.05: an <c>index.json</c> that names a scheduler class
/// (<c>cls</c>) and its <c>config</c> for each case, and for each case a file with the timesteps and every x.
/// </summary>
internal sealed class SolverFixture : IFixtureKind
{
    public bool Recognizes(FixtureFolder folder, JsonElement document) =>
        document.EnumerateObject().All(entry => entry.Value.ValueKind == JsonValueKind.Object && entry.Value.TryGetProperty("cls", out _));

    public IEnumerable<FixtureCase> Cases(FixtureFolder folder, JsonElement document) =>
        document.EnumerateObject().Select(entry => Case($"{folder.Label}/{entry.Name}", entry.Value.GetProperty("cls").ToString()));

    private static FixtureCase Case(string name, string className) => FixtureCase.Unsupported(name, className, $"{className} is not computed here yet.");
}
