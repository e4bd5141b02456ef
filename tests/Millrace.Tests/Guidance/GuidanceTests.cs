using Millrace.Guidance;
using Millrace.Processes;
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
    public void Living_tensors_stay_constant()
    {
        var options = new GuidanceOptions { Further = [new(_other, 0.5)], Rescale = 0.7, Interval = new(100, 500) };
        var plain = new ClassifierFreeGuidance(_denoiser, _negative, 5, options);
        var projected = new AdaptiveProjectedGuidance(_denoiser, Process, _negative, 5, new() { Radius = 1 });
        Living.StaysConstant(() =>
        {
            plain.Predict(_x, _t, _prompt).Dispose();
            projected.Predict(_x, _t, _prompt).Dispose();
        });
    }

    [Fact]
    public void A_bad_option_is_refused_in_one_sentence()
    {
        Assert.Contains("Rescale must be in [0, 1], got 2", Refusal(() => new ClassifierFreeGuidance(_denoiser, _negative, 5, new() { Rescale = 2 })));
        Assert.Contains("First <= Last, got 5 and 1", Refusal(() => new ClassifierFreeGuidance(_denoiser, _negative, 5, new() { Interval = new(5, 1) })));
        Assert.Contains("must be a finite number, got NaN", Refusal(() => new ClassifierFreeGuidance(_denoiser, _negative, double.NaN)));
        Assert.Contains("must have one row, used for every row, got 3", Refusal(() => new ClassifierFreeGuidance(_denoiser, _prompt, 5)));
        Assert.Contains("Radius must be above 0, got 0", Refusal(() => new AdaptiveProjectedGuidance(_denoiser, Process, _negative, 5, new() { Radius = 0 })));
    }

    public void Dispose() => _denoiser.Dispose();

    private static string Refusal(Func<object> make) => Assert.ThrowsAny<ArgumentException>(make).Message;

    private static Conditioning Three(Conditioning row) => new(row.Text.expand(3, -1, -1));

    private static void AssertClose(Tensor expected, Tensor actual) => Assert.InRange(Golden.RelativeError(expected, actual), 0, 1e-4);
}
