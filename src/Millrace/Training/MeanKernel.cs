using static TorchSharp.torch;

namespace Millrace.Training;

/// <summary>A positive definite kernel between the rows of two batches.</summary>
/// <param name="first">[m, D], float64.</param>
/// <param name="second">[n, D], float64.</param>
/// <returns>[m, n]; the caller's to dispose.</returns>
public delegate Tensor MeanKernel(Tensor first, Tensor second);
