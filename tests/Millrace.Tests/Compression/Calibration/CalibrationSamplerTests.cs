using Millrace.Compression.Calibration;
using Millrace.Guidance;
using Millrace.Processes;
using Millrace.Solvers;
using Millrace.Tests.Support;
using Millrace.Training.TimeLaws;
using static TorchSharp.torch;

namespace Millrace.Tests.Compression.Calibration;

/// <summary>Every row is what the network was asked, with the time and the condition it was asked with.</summary>
public sealed class CalibrationSamplerTests
{
    private const int Steps = 10;
    private static readonly VariancePreservingProcess Process = VariancePreservingProcess.StableDiffusion;

    /// <summary>A network that answers 0: then x_t = alpha_t / alpha_T x_T, and the noise level of a row can be read from the row.</summary>
    [Fact]
    public void Rows_hold_the_state_that_belongs_to_their_time_and_condition()
    {
        using var scope = NewDisposeScope();
        var sampler = new CalibrationSampler(new SilentNetwork(), DdimSolver.Leading(Process, Steps));
        using var conditioning = new Conditioning(TensorArithmetic.Indices(40).to(float32).view(40, 1, 1));
        using CalibrationSet rows = sampler.Sample(conditioning, [2, 3, 3], new UniformTimeLaw(), seed: 7, batch: 16);

        Assert.Equal([40, 2, 3, 3], rows.X.shape);
        var times = new HashSet<float>();
        NoiseLevel first = DdimSolver.Leading(Process, Steps).First;
        for (int row = 0; row < rows.Rows; row++)
        {
            float time = rows.T[row].item<float>();
            times.Add(time);
            int sample = (int)rows.Conditioning.Text[row].item<float>();
            using var noise = new SeededNoise(7 + sample);
            (double alpha, _) = Process.Coefficients(time);
            Tensor expected = noise.Draw(zeros(1, 2, 3, 3)).Times(first.Sigma * alpha / first.Alpha);
            Assert.True(Golden.RelativeError(expected[0], rows.X[row]) < 1e-4);
        }

        Assert.True(times.Count > 5);
    }

    [Fact]
    public void A_row_does_not_depend_on_the_batch_and_guidance_gives_both_halves()
    {
        using var scope = NewDisposeScope();
        using var conditioning = new Conditioning(ones(20, 1, 1));
        using var negative = new Conditioning(zeros(1, 1, 1));
        CalibrationSet Sample(int batch, bool guided) => new CalibrationSampler(
            new SilentNetwork(), DdimSolver.Leading(Process, Steps), guided ? network => new ClassifierFreeGuidance(network, negative, 3) : null)
            .Sample(conditioning, [1, 2, 2], new NormalTimeLaw(), seed: 3, batch);
        using CalibrationSet all = Sample(20, guided: false), some = Sample(7, guided: false), both = Sample(20, guided: true);

        Assert.Equal(Sorted(all.X), Sorted(some.X));
        Assert.Equal(40, both.Rows);
        Assert.Equal(20, both.Conditioning.Text.sum().item<float>());

        static float[] Sorted(Tensor x) => [.. x.flatten().data<float>().Order()];
    }

    /// <summary>The law's mass: sigma 0 gives one step; a wide law piles at both ends; between, a Kolmogorov-Smirnov test against the law.</summary>
    [Fact]
    public void Steps_follow_the_law()
    {
        const int Count = 4000;
        var sampler = new CalibrationSampler(new SilentNetwork(), DdimSolver.Leading(Process, 50));
        int[] Draw(TimeLaw law) => sampler.Draw(law, Count, 1);

        Assert.Equal([29], Draw(new NormalTimeLaw(0.4, 0)).Distinct());
        int[] wide = Draw(new NormalTimeLaw(0.5, 1000));
        Assert.True(wide.Count(step => step is 0 or 49) > 0.99 * Count);
        Assert.Equal([0], Draw(new GridTimeLaw(1)).Distinct());

        int[] drawn = Draw(new NormalTimeLaw(0.4, 0.4));
        double largest = Enumerable.Range(0, 49).Max(step =>
        {
            double found = drawn.Count(other => 49 - other <= step) / (double)Count;
            return Math.Abs(found - NormalDistribution((((step + 1) / 50.0) - 0.4) / 0.4));
        });
        Assert.True(largest < 1.95 / Math.Sqrt(Count), $"{largest}"); // the test's bound at 0.1 %
    }

    [Fact]
    public void Too_few_rows_NaN_and_solvers_of_unknown_length_are_refused()
    {
        using var scope = NewDisposeScope();
        var sampler = new CalibrationSampler(new SilentNetwork(), DdimSolver.Leading(Process, Steps));
        using var few = new Conditioning(ones(15, 1, 1));
        using var enough = new Conditioning(ones(16, 1, 1));
        Assert.Contains("at least 16 rows, got 15", Assert.Throws<ArgumentException>(() => sampler.Sample(few, [1, 2, 2], new NormalTimeLaw(), 1)).Message, StringComparison.Ordinal);
        var broken = new CalibrationSampler(new SilentNetwork(float.NaN), DdimSolver.Leading(Process, Steps));
        Assert.Contains("NaN", Assert.Throws<ArgumentException>(() => broken.Sample(enough, [1, 2, 2], new NormalTimeLaw(0, 0), 1)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => new NormalTimeLaw(0.4, -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new NormalTimeLaw(double.NaN));
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.Throws<OperationCanceledException>(() => sampler.Sample(enough, [1, 2, 2], new NormalTimeLaw(), 1, cancellation: cancelled.Token));
    }

    [Fact]
    public void Sampling_leaves_no_tensor_behind()
    {
        using var conditioning = new Conditioning(ones(16, 1, 1));
        var sampler = new CalibrationSampler(new SilentNetwork(), DdimSolver.Leading(Process, 3));
        Living.StaysConstant(() => sampler.Sample(conditioning, [1, 2, 2], new NormalTimeLaw(), 1).Dispose(), repeats: 5);
    }

    // Abramowitz and Stegun 7.1.26.
    private static double NormalDistribution(double x)
    {
        double z = Math.Abs(x) / Math.Sqrt(2), t = 1 / (1 + (0.3275911 * z));
        double tail = t * (0.254829592 + (t * (-0.284496736 + (t * (1.421413741 + (t * (-1.453152027 + (t * 1.061405429)))))))) * Math.Exp(-z * z) / 2;
        return x > 0 ? 1 - tail : tail;
    }

    private sealed class SilentNetwork(float answer = 0) : IDenoiser
    {
        public PredictionType Prediction => PredictionType.Epsilon;

        public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning)
        {
            using var scope = NewDisposeScope();
            return x.Times(0).Plus(answer).MoveToOuterDisposeScope();
        }
    }
}
