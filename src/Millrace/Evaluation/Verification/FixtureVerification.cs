using System.Text.Json;
using Millrace.Runtime;

namespace Millrace.Evaluation.Verification;

/// <summary>
/// Checks what this library computes against recorded answers of reference implementations: whether a converted checkpoint
/// still computes what it should.
/// </summary>
/// <remarks>
/// A fixture is a folder with a network's <c>config.json</c>, weights and <c>io.safetensors</c> (inputs by argument name and
/// outputs), or a folder with an <c>index.json</c> that lists cases of solvers or of the streaming engine.
/// </remarks>
public static class FixtureVerification
{
    /// <summary>The largest relative error that passes where nothing else is asked for.</summary>
    public const double DefaultTolerance = 1e-4;

    private static readonly IFixtureKind[] Kinds =
    [
        new UNetFixture(),
        new UNetMotionFixture(),
        new UNet2DFixture(),
        new ControlNetFixture(),
        .. TransformerFixture.All,
        new AutoencoderTinyFixture(),
        new AutoencoderKLFixture(),
        new ClipTextFixture("CLIPTextModel"),
        new ClipTextFixture("CLIPTextModelWithProjection"),
        new SolverFixture(),
        new StreamFixture(),
    ];

    /// <summary>Verifies every fixture of a folder, or the folder itself where it is one; the results come as they are computed.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="tolerance">Largest relative error that passes, above 0.</param>
    /// <param name="cancellationToken">Ends the enumeration between two cases.</param>
    /// <returns>One result for every case; a kind that is not supported gives one result that says so.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Where the tolerance is not above 0.</exception>
    /// <exception cref="DirectoryNotFoundException">Where there is no such folder.</exception>
    /// <exception cref="InvalidDataException">Where the folder holds no fixture.</exception>
    /// <exception cref="LibTorchLoadException">Where libtorch does not load.</exception>
    public static IEnumerable<VerificationResult> Run(
        string folder, double tolerance = DefaultTolerance, CancellationToken cancellationToken = default)
    {
        if (!(tolerance > 0 && double.IsFinite(tolerance)))
        {
            throw new ArgumentOutOfRangeException(nameof(tolerance), $"The tolerance must be above 0, got {tolerance}.");
        }

        string root = Path.GetFullPath(folder);
        if (!Directory.Exists(root))
        {
            throw new DirectoryNotFoundException($"There is no folder {root}.");
        }

        FixtureFolder[] fixtures = [.. new FixtureFolder(root, "").Descend()];
        if (fixtures.Length == 0)
        {
            throw new InvalidDataException($"{root}: no fixture here: neither it nor a folder in it has a {FixtureFolder.ConfigFile} or an {FixtureFolder.IndexFile}.");
        }

        LibTorch.Load();
        return Run(fixtures, tolerance, cancellationToken);
    }

    private static IEnumerable<VerificationResult> Run(FixtureFolder[] fixtures, double tolerance, CancellationToken cancellationToken)
    {
        foreach (FixtureCase testCase in fixtures.SelectMany(CasesOf))
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return testCase.Run(tolerance);
        }
    }

    private static IEnumerable<FixtureCase> CasesOf(FixtureFolder folder)
    {
        JsonElement document;
        try
        {
            document = folder.ReadJson(folder.Has(FixtureFolder.ConfigFile) ? FixtureFolder.ConfigFile : FixtureFolder.IndexFile, JsonValueKind.Object);
        }
        catch (InvalidDataException error)
        {
            return [new FixtureCase(folder.Label, "unknown", () => throw error)];
        }

        return Kinds.FirstOrDefault(kind => kind.Recognizes(folder, document)) is { } kind
            ? kind.Cases(folder, document)
            : [FixtureCase.Unsupported(folder.Label, ClassNames.Of(document), $"{ClassNames.Of(document)} is not computed here yet.")];
    }
}
