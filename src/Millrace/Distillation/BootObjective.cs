using Millrace.Processes;
using Millrace.Training;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Distillation;

/// <summary>
/// Distils a teacher into one step without data or stored pairs: the student maps noise e and a time t to the signal
/// y_t = (x_t - s_t e) / a_t of the teacher's trajectory from e, and learns each time from its own answer at a noisier one.
/// </summary>
/// <remarks>
/// Gu et al. 2023, arXiv 2306.05544. With r = (s_s a_t) / (s_t a_s), DDIM from t to s is y_s = r y_t + (1 - r) f(a_t y_t + s_t e, t). The
/// loss is divided by (1 - r)^2, so that its gradient does not depend on the width of the step; at the noisiest time the student
/// is held to f(e, t_max).
/// </remarks>
public sealed class BootObjective : IObjective
{
    private const double LargestWeight = 1e4;

    private readonly Module _network;
    private readonly IDenoiser _student;
    private readonly IDenoiser _teacher;
    private readonly IDiffusionProcess _process;
    private readonly Func<SeededRandom, (Tensor Noise, Conditioning Conditioning)> _draw;
    private readonly BootOptions _options;

    /// <summary>Prepares the distillation.</summary>
    /// <param name="network">What is trained.</param>
    /// <param name="student">The network as a denoiser that predicts <see cref="PredictionType.Sample"/>, under autograd; its x is always the noise.</param>
    /// <param name="teacher">Frozen.</param>
    /// <param name="process">The teacher's process.</param>
    /// <param name="draw">Draws noise [B, C, H, W] and conditions.</param>
    /// <param name="options">Times and weights.</param>
    /// <exception cref="ArgumentException">Where the student predicts something else, or the times lie outside of the process.</exception>
    public BootObjective(
        Module network, IDenoiser student, IDenoiser teacher, IDiffusionProcess process, Func<SeededRandom, (Tensor Noise, Conditioning Conditioning)> draw, BootOptions options)
    {
        if (student.Prediction != PredictionType.Sample)
        {
            throw new ArgumentException($"The student must predict the sample, got one that predicts {student.Prediction}.", nameof(student));
        }

        options.Validate(process);
        (_network, _student, _teacher, _process, _draw, _options) = (network, student, teacher, process, draw, options);
    }

    /// <inheritdoc/>
    public IReadOnlyList<Player> Players => [new Player("student", _network, Loss)];

    /// <summary>The loss of a batch, a scalar under autograd; the caller's to dispose.</summary>
    public Tensor Loss(TrainingDraw draw)
    {
        using var scope = NewDisposeScope();
        using var random = new SeededRandom(draw.Seed, _network.parameters().First().device);
        (Tensor noise, Conditioning conditioning) = _draw(random);
        long rows = noise.shape[0];
        Tensor t = random.Between(_options.FirstTime + _options.Step, _options.LastTime, rows);
        Tensor loss = Bootstrap(noise, conditioning, t, t.Plus(-_options.Step));
        if (_options.BoundaryWeight > 0)
        {
            Tensor boundary = Boundary(noise, conditioning, TensorArithmetic.Filled(_options.LastTime, noise.device, rows));
            draw.Record("boundary", boundary);
            loss = loss.Plus(boundary.Times(_options.BoundaryWeight));
        }

        return loss.MoveToOuterDisposeScope();
    }

    private Tensor Bootstrap(Tensor noise, Conditioning conditioning, Tensor t, Tensor s)
    {
        (Tensor alpha, Tensor sigma) = _process.Coefficients(t);
        (Tensor nextAlpha, Tensor nextSigma) = _process.Coefficients(s);
        Tensor step = (nextSigma * alpha / (sigma * nextAlpha)).TakenFrom(1);
        Tensor target;
        using (no_grad())
        {
            Tensor signal = _student.Predict(noise, t, conditioning);
            Tensor x = (alpha * signal).Plus(sigma * noise);
            target = signal.Plus(step * Teacher(x, t, conditioning, alpha, sigma).Minus(signal));
        }

        Tensor weight = step.Squared().reciprocal().AtMost(LargestWeight).flatten();
        return (weight * Premetrics.SquaredError(_student.Predict(noise, s, conditioning), target)).mean();
    }

    private Tensor Boundary(Tensor noise, Conditioning conditioning, Tensor t)
    {
        (Tensor alpha, Tensor sigma) = _process.Coefficients(t);
        Tensor target;
        using (no_grad())
        {
            target = Teacher(noise, t, conditioning, alpha, sigma);
        }

        return Premetrics.SquaredError(_student.Predict(noise, t, conditioning), target).mean();
    }

    private Tensor Teacher(Tensor x, Tensor t, Conditioning conditioning, Tensor alpha, Tensor sigma) =>
        PredictionConversion.ToSample(_teacher.Prediction, _teacher.Predict(x, t, conditioning), x, alpha, sigma);
}
