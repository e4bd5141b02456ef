using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Solvers;

/// <summary>How far a sampling is.</summary>
/// <param name="Evaluations">Evaluations of the network so far.</param>
/// <param name="Of">How many there will be; null where that is not known.</param>
/// <param name="Level">Where the last one was.</param>
/// <param name="Sample">The clean sample that it estimated, [B, C, H, W], for a preview; alive only until the report returns.</param>
public readonly record struct SamplingProgress(int Evaluations, int? Of, NoiseLevel Level, Tensor Sample);
