using Millrace.Compression.MaskLearning;
using Millrace.Compression.Pruning;
using Millrace.Distillation;
using Millrace.Models;
using Millrace.Processes;
using Millrace.Training;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Recipes.EcoDiff;

/// <summary>The baseline of mask learning: the mask keeps single predictions, at random levels between noise and sample, and knows nothing of what comes of them.</summary>
/// <param name="mask">What is trained.</param>
/// <param name="network">The backbone.</param>
/// <param name="process">Its process; it predicts flow.</param>
/// <param name="pairs">Noise and the samples of the whole network.</param>
/// <param name="rows">States in an update.</param>
/// <param name="penaltyWeight">Weight of the penalty.</param>
internal sealed class StepwiseMaskObjective(UnitMask mask, IConditionalNetwork network, IDiffusionProcess process, PairStore pairs, int rows, double penaltyWeight) : IObjective
{
    public IReadOnlyList<Player> Players => [new Player("mask", mask, Loss)];

    private Tensor Loss(TrainingDraw draw)
    {
        using var scope = NewDisposeScope();
        using var random = new SeededRandom(draw.Seed, CPU);
        using var frozen = new FrozenWeights((Module)network);
        CoupledBatch batch = pairs.Draw(rows, random);
        var levels = LevelRows.At(process, random.Uniform(rows));
        Tensor x = levels.Input(batch.Sample, batch.Noise), wanted;
        using (no_grad())
        {
            wanted = network.Predict(x, levels.Time, batch.Conditioning);
        }

        Tensor said = new MaskedNetwork(network, t => mask.Draw(draw.Seed, t)).Predict(x, levels.Time, batch.Conditioning);
        return said.Minus(wanted).Squared().mean().Plus(mask.Penalty().Times(penaltyWeight)).MoveToOuterDisposeScope();
    }
}
