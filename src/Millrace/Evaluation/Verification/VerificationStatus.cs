namespace Millrace.Evaluation.Verification;

/// <summary>What came of one case.</summary>
public enum VerificationStatus
{
    /// <summary>All tensors agree within the tolerance.</summary>
    Passed,

    /// <summary>A tensor disagrees.</summary>
    Failed,

    /// <summary>Nothing here computes this kind yet.</summary>
    Unsupported,

    /// <summary>The fixture cannot be read, or does not hold what its kind needs.</summary>
    Broken,
}
