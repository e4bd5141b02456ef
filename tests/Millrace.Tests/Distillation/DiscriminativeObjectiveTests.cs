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
    public void A_table_of_probabilities_becomes_that_of_the_data()
    {
        using var scope = NewDisposeScope();
        Tensor Outcomes(params int[] counts) => tensor(counts.SelectMany((count, outcome) => Enumerable.Repeat((long)outcome, count)).ToArray());
        Tensor data = Outcomes(1, 2, 3, 4), own = Outcomes(4, 3, 2, 1), reference = tensor([0.4f, 0.3f, 0.2f, 0.1f]).log();
        Tensor logits = reference.clone().requires_grad_();
        for (int step = 0; step < 400; step++)
        {
            using var inner = NewDisposeScope();
            Tensor worse = reference.Minus(logits.log_softmax(0));
            DiscriminativeObjective.Discriminate(worse.index_select(0, data), worse.index_select(0, own), new DiscriminativeOptions(1, 1)).backward();
            using IDisposable noGrad = no_grad();
            logits.Add(logits.grad!, -4);
            logits.grad!.zero_();
        }

        Assert.All(logits.softmax(0).data<float>().ToArray().Zip([0.1, 0.2, 0.3, 0.4]), pair => Assert.Equal(pair.Second, pair.First, 1e-4));
    }

    [Fact]
    public void Below_a_sharpness_of_one_the_result_overshoots_away_from_the_reference()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(2);
        const double Reference = 1.5, Sharpness = 0.5;
        Tensor data = randn([100_000], generator: generator), own = randn([100_000], generator: generator).Times(Math.Sqrt(Reference));
        double Loss(double variance)
        {
            Tensor Worse(Tensor x) => x.Squared().Times(0.5 * ((1 / variance) - (1 / Reference))).Plus(0.5 * Math.Log(variance / Reference));
            return DiscriminativeObjective.Discriminate(Worse(data), Worse(own), new DiscriminativeOptions(Sharpness, 1)).item<float>();
        }

        // Precision (1 - 1 / beta) / v_r + (1 / beta) / v_d = 4 / 3, above that of the data, 1.
        double least = Enumerable.Range(0, 25).Select(step => 0.4 + (0.04 * step)).MinBy(Loss);
        Assert.InRange(least, 0.65, 0.85);
    }

    [Fact]
    public void One_draw_of_noise_a_sample_bounds_the_loss_from_above()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(2);
        var options = new DiscriminativeOptions(0.7, 2);
        Tensor data = randn([50, 200], generator: generator), own = randn([50, 200], generator: generator);
        double Loss(Tensor first, Tensor second) => DiscriminativeObjective.Discriminate(first, second, options).item<float>();
        double draws = Enumerable.Range(0, 50).Average(draw => Loss(data[draw], own[draw]));
        Assert.True(draws > Loss(data.mean([0]), own.mean([0])) + 0.01);
        Assert.Equal(Loss(data[0], own[0]), Loss(data[..1].expand(50, 200).mean([0]), own[..1].expand(50, 200).mean([0])), 1e-5);
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
