namespace Millrace.Evaluation.Verification;

/// <summary>What came of one case of a fixture.</summary>
/// <param name="Case">Path of the case below the verified folder, such as <c>stream/batch_self</c>.</param>
/// <param name="Kind">Class or method that it checks, such as <c>UNet2DConditionModel</c>.</param>
/// <param name="Status">Whether it agrees.</param>
/// <param name="RelativeError">The largest relative error over all its tensors (see <see cref="TensorComparison.RelativeError"/>); null where none was compared.</param>
/// <param name="WorstTensor">The tensor with that error.</param>
/// <param name="Reason">Why it is unsupported or broken; null otherwise.</param>
public sealed record VerificationResult(
    string Case, string Kind, VerificationStatus Status, double? RelativeError = null, string? WorstTensor = null, string? Reason = null);
