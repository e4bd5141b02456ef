using Millrace.Processes;
using Millrace.Training;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Distillation;

/// <summary>
/// Distils a flow into one step: on stored pairs, and on fresh noise, for which two short steps along the flow, the first of them the
/// student's own, make the target. The second keeps a small student from learning its pairs by heart.
/// </summary>
/// <remarks>
/// Zhu et al. 2024, arXiv 2407.12718, section 3.2, in the form of its published code: Y_u = Z + u sg[v_s(Z)], Y = Y_u + (1 - u) v_T(Y_u, u),
/// u uniform in [0.2, 0.8]; here with t growing with the noise.
/// </remarks>
/// <param name="network">What is trained.</param>
/// <param name="student">The network as a flow, under autograd.</param>
/// <param name="teacher">The flow whose steps make targets; frozen. Null leaves the second term out.</param>
/// <param name="process">Their process.</param>
/// <param name="pairs">Pairs of the teacher.</param>
/// <param name="premetric">Distance of samples.</param>
public sealed class FlowGuidedDistillation(Module network, IDenoiser student, IDenoiser? teacher, FlowProcess process, Coupling pairs, Premetric premetric) : IObjective
{
    private const double LeastShare = 0.2, MostShare = 0.8;

    /// <summary>Weight of the term on fresh noise, at least 0.</summary>
    public double GuidedWeight { get; init; } = 1;

    /// <inheritdoc/>
    public IReadOnlyList<Player> Players => [new Player("student", network, Loss)];

    /// <summary>The loss of a batch, a scalar under autograd; the caller's to dispose.</summary>
    public Tensor Loss(TrainingDraw draw)
    {
        using var scope = NewDisposeScope();
        using var random = new SeededRandom(draw.Seed, network.parameters().First().device);
        CoupledBatch batch = pairs(draw.Step, random);
        Tensor loss = premetric(batch.Noise.Minus(Velocity(student, batch.Noise, 1, batch.Conditioning)), batch.Sample).mean();
        if (teacher is not null && GuidedWeight > 0)
        {
            draw.Record("pairs", loss);
            Tensor guided = Guided(teacher, random.Normal(batch.Noise.shape), batch.Conditioning, random.Between(LeastShare, MostShare, batch.Noise.shape[0]));
            draw.Record("fresh noise", guided);
            loss = loss.Plus(guided.Times(GuidedWeight));
        }

        return loss.MoveToOuterDisposeScope();
    }

    private Tensor Guided(IDenoiser flow, Tensor noise, Conditioning conditioning, Tensor share)
    {
        Tensor found = noise.Minus(Velocity(student, noise, 1, conditioning));
        Tensor rows = share.view(-1, 1, 1, 1);
        using IDisposable noGrad = no_grad();
        Tensor between = lerp(noise, found.detach(), rows);
        Tensor target = between.Minus(rows.TakenFrom(1) * flow.Predict(between, share.TakenFrom(1).Times(process.TrainTimesteps), conditioning));
        using IDisposable grad = enable_grad();
        return premetric(found, target).mean();
    }

    private Tensor Velocity(IDenoiser flow, Tensor x, double time, Conditioning conditioning) =>
        flow.Predict(x, TensorArithmetic.Filled(time * process.TrainTimesteps, x.device, x.shape[0]), conditioning);
}
