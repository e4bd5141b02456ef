using Millrace.Processes;
using static TorchSharp.torch;

namespace Millrace.Tests.Processes;

public sealed class ProcessTests
{
    private static readonly VariancePreservingProcess StableDiffusion = VariancePreservingProcess.StableDiffusion;

    public static TheoryData<IDiffusionProcess> All =>
        [StableDiffusion, new VariancePreservingProcess(BetaSchedule.Cosine), new VariancePreservingProcess(BetaSchedule.Sigmoid), new FlowProcess(3), new EdmProcess(), new VarianceExplodingProcess()];

    [Theory]
    [MemberData(nameof(All))]
    public void Noise_grows_with_time(IDiffusionProcess process)
    {
        (double first, double last) = process.TimeRange;
        double[] ratios = [.. Enumerable.Range(0, 101).Select(index => process.Coefficients(double.Lerp(first, last, index / 100.0))).Select(at => at.Sigma / at.Alpha)];

        Assert.All(ratios.Zip(ratios.Skip(1)), pair => Assert.True(pair.Second > pair.First));
        Assert.Throws<ArgumentOutOfRangeException>(() => process.Coefficients(last + 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => process.Coefficients(double.NaN));
    }

    [Fact]
    public void Zero_terminal_snr_leaves_nothing_of_the_signal()
    {
        var process = new VariancePreservingProcess(zeroTerminalSnr: true);

        Assert.Equal(0, process.AlphaBar[^1]);
        Assert.Equal(StableDiffusion.AlphaBar[0], process.AlphaBar[0], 1e-12);
        Assert.True(double.IsFinite(process.NoiseRatio(999)));
        Assert.Equal(1 / Math.Sqrt(new VariancePreservingProcess(BetaSchedule.Cosine).AlphaBar[^1]), new VariancePreservingProcess(BetaSchedule.Cosine).NoiseRatio(999), 1);
    }

    [Fact]
    public void A_timestep_and_its_noise_ratio_give_back_one_another() =>
        Assert.All([0, 1, 137, 998, 999], timestep => Assert.Equal(timestep, StableDiffusion.TimestepOf(StableDiffusion.NoiseRatio(timestep)), 1e-9));

    [Theory]
    [InlineData(PredictionType.Epsilon)]
    [InlineData(PredictionType.VPrediction)]
    [InlineData(PredictionType.Sample)]
    [InlineData(PredictionType.Flow)]
    [InlineData(PredictionType.Edm)]
    public void Factors_agree_with_the_conversions_of_rows(PredictionType type)
    {
        using var scope = NewDisposeScope();
        Tensor x = randn(1, 2, 3, 3, dtype: float64), output = randn_like(x);
        NoiseLevel level = SigmaPath.Of(StableDiffusion).At(2.5);
        PredictionFactors factors = PredictionConversion.Factors(type, level);
        Tensor a = tensor([level.InputScale]), b = tensor([level.InputScale * level.Sigma]);

        Assert.True(x.Times(factors.SampleOfX).Plus(output.Times(factors.SampleOfOutput)).allclose(PredictionConversion.ToSample(type, output, x.Times(level.InputScale), a, b)));
        Assert.True(x.Times(factors.NoiseOfX).Plus(output.Times(factors.NoiseOfOutput)).allclose(PredictionConversion.ToEpsilon(type, output, x.Times(level.InputScale), a, b)));
    }

    [Fact]
    public void Factors_of_EDM_are_those_of_its_table()
    {
        NoiseLevel level = SigmaPath.Of(new EdmProcess(sigmaData: 0.5)).At(3);
        PredictionFactors factors = PredictionConversion.Factors(PredictionType.Edm, level);

        Assert.Equal(0.25 / 9.25, factors.SampleOfX, 1e-12);
        Assert.Equal(1.5 / Math.Sqrt(9.25), factors.SampleOfOutput, 1e-12);
        Assert.Equal(Math.Log(3) / 4, level.Timestep, 1e-12);
    }

    [Fact]
    public void Spacings_are_those_of_their_papers()
    {
        Assert.Equal([999, 749, 499, 249], TimestepGrids.Spaced(TimestepSpacing.Trailing, 4, 1000));
        Assert.Equal([751, 501, 251, 1], TimestepGrids.Spaced(TimestepSpacing.Leading, 4, 1000, offset: 1));
        Assert.Equal([999, 666, 333, 0], TimestepGrids.Spaced(TimestepSpacing.Linspace, 4, 1000));
        foreach (SigmaSpacing spacing in new[] { SigmaSpacing.Karras, SigmaSpacing.Exponential, SigmaSpacing.Beta })
        {
            IReadOnlyList<double> sigmas = SigmaGrids.Spaced(spacing, 0.03, 14, 9);
            Assert.Equal(14, sigmas[0], 1e-9);
            Assert.Equal(0.03, sigmas[^1], 1e-9);
            Assert.All(sigmas.Zip(sigmas.Skip(1)), pair => Assert.True(pair.Second < pair.First));
        }

        // The median of a symmetric distribution is in the middle.
        Assert.Equal((14 + 0.03) / 2, SigmaGrids.Beta(0.03, 14, 3)[1], 1e-6);
    }

    [Theory]
    [InlineData(0.1)]
    [InlineData(0.5)]
    [InlineData(0.83)]
    public void Quantiles_of_the_beta_distribution_are_those_of_its_closed_forms(double share)
    {
        Assert.Equal(Math.Pow(Math.Sin(Math.PI * share / 2), 2), BetaDistribution.Quantile(share, 0.5, 0.5), 1e-5);
        Assert.Equal(share, BetaDistribution.Quantile(share, 1, 1), 1e-5);
        Assert.Equal(Math.Sqrt(share), BetaDistribution.Quantile(share, 2, 1), 1e-5);
    }

    [Fact]
    public void The_shift_of_a_flow_grows_with_the_picture()
    {
        Assert.Equal(Math.Exp(0.5), FlowProcess.ShiftFor(256), 1e-12);
        Assert.Equal(Math.Exp(1.15), FlowProcess.ShiftFor(4096), 1e-12);
        Assert.Equal(0.75, new FlowProcess(3).Coefficients(500).Sigma, 1e-12);
    }

    [Fact]
    public void A_network_is_told_the_time_as_it_learned_it()
    {
        using var scope = NewDisposeScope();
        Assert.Equal(0.5f, Told(TimeConvention.Continuous));
        Assert.Equal(0.5f, Told(TimeConvention.Reversed));
        Assert.Equal(500f, Told(TimeConvention.Timestep));
        Assert.Equal(Math.Log(StableDiffusion.NoiseRatio(500)) / 4, Told(TimeConvention.LogSigma), 1e-6);
    }

    [Fact]
    public void A_bad_option_is_refused_in_one_sentence()
    {
        Assert.Contains("shift must be above 0, got -1", Assert.Throws<ArgumentOutOfRangeException>(() => new FlowProcess(-1)).Message);
        Assert.Contains("0 < smallest < largest, got 3 and 2", Assert.Throws<ArgumentOutOfRangeException>(() => new EdmProcess(3, 2)).Message);
        Assert.Contains("at least two betas", Assert.Throws<ArgumentException>(() => VariancePreservingProcess.OfBetas([0.1, 1.5])).Message);
        Assert.Contains("must be in 1..1000, got 1001", Assert.Throws<ArgumentOutOfRangeException>(() => TimestepGrids.Spaced(TimestepSpacing.Leading, 1001, 1000)).Message);
        Assert.Contains("rho must be above 0, got 0", Assert.Throws<ArgumentOutOfRangeException>(() => SigmaGrids.Karras(1, 2, 3, 0)).Message);
    }

    private static float Told(TimeConvention convention) =>
        new TimeAdapter(new Clock(), StableDiffusion, convention).Predict(zeros(1), tensor(new[] { 500f }), new Conditioning(zeros(1, 1, 1))).item<float>();

    private sealed class Clock : IDenoiser
    {
        public PredictionType Prediction => PredictionType.Epsilon;

        public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning) => t.clone();
    }
}
