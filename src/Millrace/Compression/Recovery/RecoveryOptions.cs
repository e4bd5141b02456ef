namespace Millrace.Compression.Recovery;

/// <summary>What a smaller network is trained on to do again what the whole one did; each weight at least 0, 0 leaves the term out.</summary>
public sealed record RecoveryOptions
{
    /// <summary>Weight of the ordinary loss on data.</summary>
    public double Task { get; init; } = 1;

    /// <summary>Weight of the distance from the teacher's prediction.</summary>
    public double Output { get; init; } = 1;

    /// <summary>Weight of the distance from the teacher's features at the ends of the stages, in the mean over them.</summary>
    public double Features { get; init; } = 1;

    /// <summary>Whether each feature's distance is measured in the size of the teacher's.</summary>
    public bool NormalizesFeatures { get; init; } = true;

    /// <summary>Weight of the distance in meaning of the clean samples that teacher and student see in x.</summary>
    public double Semantics { get; init; }

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Names the option, the value seen and the values allowed.</exception>
    public void Validate()
    {
        foreach ((string name, double weight) in new[] { (nameof(Task), Task), (nameof(Output), Output), (nameof(Features), Features), (nameof(Semantics), Semantics) })
        {
            if (!(weight >= 0 && double.IsFinite(weight)))
            {
                throw new ArgumentOutOfRangeException(name, weight, $"{name} must be at least 0.");
            }
        }

        if (Task + Output + Features + Semantics == 0)
        {
            throw new ArgumentOutOfRangeException(nameof(Task), "At least one weight must be above 0.");
        }
    }
}
