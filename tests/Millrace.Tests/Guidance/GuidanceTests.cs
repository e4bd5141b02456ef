using Millrace.Guidance;
using Millrace.Processes;
using Millrace.Solvers;
using Millrace.Tests.Streaming;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Guidance;

public sealed class GuidanceTests : IDisposable
{
    private static readonly VariancePreservingProcess Process = VariancePreservingProcess.StableDiffusion;

    private readonly RowDenoiser _denoiser = new(4, 8, prediction: PredictionType.VPrediction);
    private readonly Tensor _x = randn(3, 4, 6, 6), _t = tensor(new[] { 900f, 400f, 30f });
    private readonly Conditioning _prompt = new(randn(3, 5, 8)), _negative = new(randn(1, 5, 8)), _other = new(randn(1, 5, 8));

    private Tensor Positive => _denoiser.Predict(_x, _t, _prompt);

    private Tensor Negative => _denoiser.Predict(_x, _t, Three(_negative));

    [Fact]
    public void Classifier_free_guidance_is_its_formula_and_one_call()
    {
        using var scope = NewDisposeScope();
        Tensor guided = new ClassifierFreeGuidance(_denoiser, _negative, 5).Predict(_x, _t, _prompt);
        Assert.Equal(1, _denoiser.Calls);

        AssertClose(Negative.Plus(Positive.Minus(Negative).Times(5)), guided);
    }

    [Fact]
    public void Every_condition_has_its_scale()
    {
        using var scope = NewDisposeScope();
        var options = new GuidanceOptions { Further = [new(_other, -0.7)] };
        Tensor expected = Negative.Plus(Positive.Minus(Negative).Times(3)).Minus(_denoiser.Predict(_x, _t, Three(_other)).Minus(Negative).Times(0.7));

        AssertClose(expected, new ClassifierFreeGuidance(_denoiser, _negative, 3, options).Predict(_x, _t, _prompt));
    }

    [Fact]
    public void Rescaling_brings_back_the_spread()
    {
        using var scope = NewDisposeScope();
        Tensor guided = new ClassifierFreeGuidance(_denoiser, _negative, 9, new GuidanceOptions { Rescale = 1 }).Predict(_x, _t, _prompt);

        AssertClose(Positive.flatten(1).std(1), guided.flatten(1).std(1));
    }

    [Fact]
    public void Outside_of_its_interval_guidance_does_and_costs_nothing()
    {
        using var scope = NewDisposeScope();
        var some = new ClassifierFreeGuidance(_denoiser, _negative, 5, new GuidanceOptions { Interval = new(100, 500) });
        Tensor guided = some.Predict(_x, _t, _prompt);
        AssertClose(Positive[0], guided[0]);
        AssertClose(Negative.Plus(Positive.Minus(Negative).Times(5))[1], guided[1]);
        AssertClose(Positive[2], guided[2]);

        AssertClose(Positive, new ClassifierFreeGuidance(_denoiser, _negative, 5, new GuidanceOptions { Interval = new(950, 999) }).Predict(_x, _t, _prompt));
        Assert.Equal(3, _denoiser.LastRows);
    }

    [Fact]
    public void Projected_guidance_that_keeps_everything_is_classifier_free()
    {
        using var scope = NewDisposeScope();
        Tensor plain = new ClassifierFreeGuidance(_denoiser, _negative, 5).Predict(_x, _t, _prompt);

        AssertClose(plain, new AdaptiveProjectedGuidance(_denoiser, Process, _negative, 5, new() { ParallelShare = 1 }).Predict(_x, _t, _prompt));
    }

    [Theory]
    [InlineData(PredictionType.Epsilon)]
    [InlineData(PredictionType.VPrediction)]
    [InlineData(PredictionType.Sample)]
    public void Projected_guidance_moves_the_clean_sample_across_and_within_the_radius(PredictionType type)
    {
        using var scope = NewDisposeScope();
        using var denoiser = new RowDenoiser(4, 8, prediction: type);
        Tensor positive = denoiser.Predict(_x, _t, _prompt);
        Tensor guided = new AdaptiveProjectedGuidance(denoiser, Process, _negative, 2, new() { Radius = 0.5 }).Predict(_x, _t, _prompt);
        (Tensor alpha, Tensor sigma) = Process.Coefficients(_t);
        Tensor clean = PredictionConversion.ToSample(type, positive, _x, alpha, sigma);
        Tensor moved = PredictionConversion.ToSample(type, guided, _x, alpha, sigma).Minus(clean);

        Assert.True(((moved * clean).flatten(1).sum(1).abs() / (clean * clean).flatten(1).sum(1)).max().item<float>() < 1e-4);
        Assert.InRange(moved.flatten(1).norm(1).max().item<float>(), 0.05f, 0.5001f);
    }

    [Fact]
    public void Momentum_adds_up_the_differences_of_a_sampling_and_of_no_other()
    {
        using var scope = NewDisposeScope();
        const double share = -0.6, scale = 3;
        var guidance = new AdaptiveProjectedGuidance(_denoiser, Process, _negative, scale, new() { ParallelShare = 1, Momentum = share });
        Tensor Clean(Tensor prediction, Tensor x, Tensor t)
        {
            (Tensor alpha, Tensor sigma) = Process.Coefficients(t);
            return PredictionConversion.ToSample(PredictionType.VPrediction, prediction, x, alpha, sigma);
        }

        Tensor? momentum = null, other = null, sum = null;
        foreach (float time in new[] { 900f, 600f, 300f })
        {
            Tensor t = tensor([time, time, time]), x = randn(3, 4, 6, 6);
            Tensor positive = Clean(_denoiser.Predict(x, t, _prompt), x, t);
            Tensor difference = positive.Minus(Clean(_denoiser.Predict(x, t, Three(_negative)), x, t));
            sum = sum is null ? difference : difference.Plus(sum.Times(share));
            (Tensor guided, momentum) = guidance.Predict(x, t, _prompt, momentum);
            (_, other) = guidance.Predict(_x, t, _prompt, other);

            AssertClose(positive.Plus(sum.Times(scale - 1)), Clean(guided, x, t));
        }
    }

    [Fact]
    public void Momentum_of_a_row_outside_of_the_interval_waits()
    {
        using var scope = NewDisposeScope();
        var guidance = new AdaptiveProjectedGuidance(_denoiser, Process, _negative, 3, new() { Momentum = 0.5, Interval = new(100, 500) });
        Tensor before = randn(3, 4, 6, 6);
        Tensor after = guidance.Predict(_x, _t, _prompt, before).Momentum!;
        Assert.True(after[0].Equals(before[0]));
        Assert.False(after[1].Equals(before[1]));
        Assert.True(guidance.Predict(_x, tensor([900f, 900f, 900f]), _prompt, before).Momentum!.Equals(before));
    }

    [Fact]
    public void A_sampling_carries_the_momentum_and_a_batch_is_its_rows()
    {
        using var scope = NewDisposeScope();
        var solver = new DdimSolver(NoiseInterval.Between([.. new[] { 900.0, 600, 300, 0 }.Select(time => Process.LevelAt(time))]));
        Tensor Sample(double momentum, Tensor x, Conditioning prompt) =>
            new Sampler(new AdaptiveProjectedGuidance(_denoiser, Process, _negative, 3, new() { Momentum = momentum, Radius = 2 }), solver).Sample(x, prompt, like => like);

        Tensor whole = Sample(-0.5, _x, _prompt);
        Assert.False(whole.allclose(Sample(0, _x, _prompt)));
        AssertClose(whole, cat([.. Enumerable.Range(0, 3).Select(row => Sample(-0.5, _x[row].unsqueeze(0), _prompt.Row(row)))], 0));
    }

    [Fact]
    public void Perturbed_attention_guidance_is_its_formula_alone_and_beside_classifier_free_guidance()
    {
        using var scope = NewDisposeScope();
        using var other = new RowDenoiser(4, 8, seed: 6, prediction: PredictionType.VPrediction);
        Tensor away = Positive.Minus(other.Predict(_x, _t, _prompt)).Times(2);
        var alone = new PerturbedAttentionGuidance(_denoiser, other, 2);

        AssertClose(Positive.Plus(away), alone.Predict(_x, _t, _prompt));
        AssertClose(
            Negative.Plus(Positive.Minus(Negative).Times(5)).Plus(away),
            new ClassifierFreeGuidance(_denoiser, _negative, 5, new() { Perturbed = alone }).Predict(_x, _t, _prompt));
        AssertClose(Positive, new PerturbedAttentionGuidance(_denoiser, other, 0).Predict(_x, _t, _prompt));

        Tensor some = new PerturbedAttentionGuidance(_denoiser, other, 2, new(100, 500)).Predict(_x, _t, _prompt);
        AssertClose(Positive[0], some[0]);
        AssertClose(Positive.Plus(away)[1], some[1]);
    }

    [Fact]
    public void Living_tensors_stay_constant()
    {
        var options = new GuidanceOptions { Further = [new(_other, 0.5)], Rescale = 0.7, Interval = new(100, 500) };
        var plain = new ClassifierFreeGuidance(_denoiser, _negative, 5, options);
        var projected = new AdaptiveProjectedGuidance(_denoiser, Process, _negative, 5, new() { Radius = 1, Momentum = 0.3, Interval = new(100, 500) });
        var perturbed = new PerturbedAttentionGuidance(_denoiser, plain, 2, new(100, 500));
        Living.StaysConstant(() =>
        {
            plain.Predict(_x, _t, _prompt).Dispose();
            projected.Predict(_x, _t, _prompt).Dispose();
            perturbed.Predict(_x, _t, _prompt).Dispose();
            (Tensor prediction, Tensor? momentum) = projected.Predict(_x, _t, _prompt, momentum: null);
            prediction.Dispose();
            momentum!.Dispose();
        });
    }

    [Fact]
    public void A_bad_option_is_refused_in_one_sentence()
    {
        Assert.Contains("Rescale must be in [0, 1], got 2", Refusal(() => new ClassifierFreeGuidance(_denoiser, _negative, 5, new() { Rescale = 2 })));
        Assert.Contains("First <= Last, got 5 and 1", Refusal(() => new ClassifierFreeGuidance(_denoiser, _negative, 5, new() { Interval = new(5, 1) })));
        Assert.Contains("must be a finite number, got NaN", Refusal(() => new ClassifierFreeGuidance(_denoiser, _negative, double.NaN)));
        Assert.Contains("must have one row, used for every row, got 3", Refusal(() => new ClassifierFreeGuidance(_denoiser, _prompt, 5)));
        Assert.Contains("Momentum must be in (-1, 1), got 1", Refusal(() => new AdaptiveProjectedGuidance(_denoiser, Process, _negative, 5, new() { Momentum = 1 })));
        Assert.Contains("of at least 0, got -1", Refusal(() => new PerturbedAttentionGuidance(_denoiser, _denoiser, -1)));
        Assert.Contains("Radius must be above 0, got 0", Refusal(() => new AdaptiveProjectedGuidance(_denoiser, Process, _negative, 5, new() { Radius = 0 })));
    }

    public void Dispose() => _denoiser.Dispose();

    private static string Refusal(Func<object> make) => Assert.ThrowsAny<ArgumentException>(make).Message;

    private static Conditioning Three(Conditioning row) => new(row.Text.expand(3, -1, -1));

    private static void AssertClose(Tensor expected, Tensor actual) => Assert.InRange(Golden.RelativeError(expected, actual), 0, 1e-4);
}
