using static TorchSharp.torch;

namespace Millrace.Training;

/// <summary>How far each row of a prediction is from its target; the loss is the mean over rows.</summary>
/// <param name="found">[B, ...], under autograd.</param>
/// <param name="wanted">[B, ...].</param>
/// <returns>[B], float32; the caller's to dispose.</returns>
public delegate Tensor Premetric(Tensor found, Tensor wanted);
