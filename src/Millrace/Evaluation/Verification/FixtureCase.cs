namespace Millrace.Evaluation.Verification;

/// <summary>One case of a fixture: a name, and the work that compares its tensors.</summary>
/// <param name="Name">Path of the case below the verified folder.</param>
/// <param name="Kind">Class or method that it checks.</param>
/// <param name="Compare">
/// Computes and compares. Throws <see cref="NotSupportedException"/> with the reason where nothing here computes it yet, and
/// <see cref="InvalidDataException"/> where the fixture is broken.
/// </param>
internal sealed record FixtureCase(string Name, string Kind, Func<IEnumerable<TensorComparison>> Compare)
{
    /// <summary>A case that nothing here computes yet.</summary>
    public static FixtureCase Unsupported(string name, string kind, string reason) =>
        new(name, kind, () => throw new NotSupportedException(reason));

    public VerificationResult Run(double tolerance)
    {
        try
        {
            TensorComparison worst = Compare().MaxBy(comparison => comparison.RelativeError);
            return worst.Name is null
                ? throw new InvalidDataException("It holds no tensor to compare with.")
                : new VerificationResult(
                    Name, Kind, worst.RelativeError <= tolerance ? VerificationStatus.Passed : VerificationStatus.Failed, worst.RelativeError, worst.Name);
        }
        catch (NotSupportedException error)
        {
            return new VerificationResult(Name, Kind, VerificationStatus.Unsupported, Reason: error.Message);
        }
        catch (Exception error) when (FixtureFolder.IsBroken(error))
        {
            return new VerificationResult(Name, Kind, VerificationStatus.Broken, Reason: error.Message);
        }
    }
}
