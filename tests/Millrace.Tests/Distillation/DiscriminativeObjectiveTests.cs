using Millrace.Distillation;
using Millrace.Processes;
using Millrace.Tests.Support;
using Millrace.Training;
using Millrace.Training.TimeLaws;
using static TorchSharp.torch;

namespace Millrace.Tests.Distillation;

public sealed class DiscriminativeObjectiveTests
{
    private const int Batch = 2000;

    private static readonly VariancePreservingProcess Process = VariancePreservingProcess.StableDiffusion;

    [Theory]
    [InlineData(0.05, 4)]
    [InlineData(1, 0.5)]
    [InlineData(0.3, 0)]
    public void A_model_that_is_its_reference_has_the_loss_of_a_coin(double beta, double alpha)
    {
        using var scope = NewDisposeScope();
        using ScaledInput model = new(0.4, PredictionType.Epsilon), reference = new(0.4, PredictionType.Epsilon);
        double loss = Objective(model, reference, new DiscriminativeOptions(beta, alpha)).Loss(new TrainingDraw(0, 1)).item<float>();
        Assert.Equal((1 + alpha) * Math.Log(2), loss, 1e-5);
    }

    [Fact]
    public void At_the_reference_the_gradient_weighs_data_against_samples()
    {
        using var scope = NewDisposeScope();
        using ScaledInput model = new(0.4, PredictionType.Epsilon), reference = new(0.4, PredictionType.Epsilon);
        double Gradient(double alpha)
        {
            model.zero_grad();
            Objective(model, reference, new DiscriminativeOptions(0.5, alpha)).Loss(new TrainingDraw(0, 1)).backward();
            return model.Factor.grad!.item<float>();
        }

        // softplus'(0) = 1/2: beta/2 (E_data grad D - alpha E_ref grad D), linear in alpha.
        (double none, double one, double two) = (Gradient(0), Gradient(1), Gradient(2));
        Assert.Equal(two - one, one - none, 1e-4 * Math.Abs(none) + 1e-5);
        using var random = new SeededRandom(1, CPU);
        CoupledBatch data = Data(0, random);
        (double a, double b) = Process.Coefficients(0.5 * 999);
        Tensor x = data.Sample.Times(a).Plus(data.Noise.Times(b));
        Assert.Equal(0.25 * (x * x.Times(0.4).Minus(data.Noise)).Times(2).flatten(1).sum([1]).mean().item<float>(), none, 1e-3 * Math.Abs(none));
    }

    [Fact]
    public void Knowing_data_better_lowers_the_loss_and_knowing_samples_better_raises_it()
    {
        using var scope = NewDisposeScope();
        using ScaledInput reference = new(0.4, PredictionType.Epsilon), network = new(0, PredictionType.Epsilon);
        var onData = new GaussianDenoiser(Process, PredictionType.Epsilon, 0, 0.5);
        var onSamples = new GaussianDenoiser(Process, PredictionType.Epsilon, 3, 0.2);
        double Loss(IDenoiser model) => new DiscriminativeObjective(
            network, model, reference, Process, Data, Samples, new UniformTimeLaw(0.5, 0.5), new DiscriminativeOptions(0.5, 1)).Loss(new TrainingDraw(0, 1)).item<float>();
        Assert.True(Loss(onData) < 2 * Math.Log(2));
        Assert.True(Loss(onSamples) > 2 * Math.Log(2));
    }

    [Fact]
    public void Weights_out_of_range_and_other_predictions_are_refused()
    {
        using ScaledInput model = new(0.4, PredictionType.Epsilon), other = new(0.4, PredictionType.Sample);
        Assert.Throws<ArgumentException>(() => Objective(model, other, new DiscriminativeOptions(1, 1)));
        Assert.Throws<ArgumentException>(() => Objective(model, model, new DiscriminativeOptions(0, 1)));
        Assert.Throws<ArgumentException>(() => Objective(model, model, new DiscriminativeOptions(1, -1)));
        Living.StaysConstant(
            () =>
            {
                var draw = new TrainingDraw(0, 1);
                Objective(model, model, new DiscriminativeOptions(1, 1)).Loss(draw).Dispose();
                draw.Take().ToList().ForEach(term => term.Value.Dispose());
            },
            repeats: 3);
    }

    private static DiscriminativeObjective Objective(ScaledInput model, ScaledInput reference, DiscriminativeOptions options) =>
        new(model, model, reference, Process, Data, Samples, new UniformTimeLaw(0.5, 0.5), options);

    private static CoupledBatch Data(long step, SeededRandom random) => new(random.Normal(Batch, 2, 1, 1).Times(0.5), random.Normal(Batch, 2, 1, 1), Conditioning.WithoutText(Batch));

    private static CoupledBatch Samples(long step, SeededRandom random) => new(random.Normal(Batch, 2, 1, 1).Times(0.2).Plus(3), random.Normal(Batch, 2, 1, 1), Conditioning.WithoutText(Batch));
}
