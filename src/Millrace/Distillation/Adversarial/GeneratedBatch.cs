using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Distillation.Adversarial;

/// <summary>What a generator made, beside what it is told from; tensors in the dispose scope of the caller.</summary>
/// <param name="Generated">[B, C, H, W], under autograd where that is on.</param>
/// <param name="Real">[B, C, H, W]; where the generator is also drawn to pairs, what it should have made row by row.</param>
/// <param name="Conditioning">What the frozen network is told, one row for each row.</param>
public sealed record GeneratedBatch(Tensor Generated, Tensor Real, Conditioning Conditioning);

/// <summary>Draws a batch; all its randomness is the given one.</summary>
/// <param name="step">Steps done so far.</param>
/// <param name="random">Source of everything random.</param>
public delegate GeneratedBatch GeneratedBatches(long step, SeededRandom random);
