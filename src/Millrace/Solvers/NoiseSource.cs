using static TorchSharp.torch;

namespace Millrace.Solvers;

/// <summary>Draws standard normal noise: from generators, from a recording, or nothing at all.</summary>
/// <param name="like">Whose shape, type and device the noise must have.</param>
/// <returns>The caller's to dispose.</returns>
public delegate Tensor NoiseSource(Tensor like);
