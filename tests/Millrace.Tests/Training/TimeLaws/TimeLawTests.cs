using Millrace.Processes;
using Millrace.Training;
using Millrace.Training.TimeLaws;
using static TorchSharp.torch;

namespace Millrace.Tests.Training.TimeLaws;

public sealed class TimeLawTests
{
    private const int Count = 400_000;

    [Theory]
    [InlineData(4.0)]
    [InlineData(1.0)]
    [InlineData(0.01)]
    public void The_U_shaped_law_has_its_density(double a)
    {
        double[] drawn = Draw(new UShapedTimeLaw(a));
        Assert.InRange(drawn.Average(), 0.498, 0.502);
        const int bins = 20;
        for (int bin = 0; bin < bins; bin++)
        {
            double low = (double)bin / bins, high = (bin + 1.0) / bins;
            double Integral(double t) => (Math.Exp(a * t) - Math.Exp(a * (1 - t))) / (2 * (Math.Exp(a) - 1));
            double expected = Integral(high) - Integral(low), found = drawn.Count(t => t >= low && t < high) / (double)Count;
            Assert.Equal(expected, found, 5 * Math.Sqrt(expected / Count));
        }

        Assert.All(drawn, t => Assert.InRange(t, 0.99e-5, 1 - 0.99e-5));
    }

    [Fact]
    public void The_U_shaped_law_of_4_has_the_density_2_0746_at_its_ends() =>
        Assert.Equal(2.0746, 4 / 2.0 * (Math.Exp(4) + 1) / (Math.Exp(4) - 1), 1e-4);

    [Fact]
    public void The_grid_law_visits_the_steps_alone()
    {
        double[] drawn = Draw(new GridTimeLaw(4));
        Assert.Equal([0.25, 0.5, 0.75, 1], drawn.Distinct().Order());
        Assert.Equal([1.0], Draw(new GridTimeLaw(1)).Distinct());
    }

    [Fact]
    public void The_log_normal_law_is_normal_in_the_logarithm_of_sigma()
    {
        var process = new EdmProcess();
        double[] logs = [.. Draw(new LogNormalTimeLaw(process, -1.2, 0.5)).Select(share => Math.Log(process.SigmaMin + (share * (process.SigmaMax - process.SigmaMin))))];
        Assert.Equal(-1.2, logs.Average(), 0.01);
        Assert.Equal(0.5, Math.Sqrt(logs.Average(log => (log + 1.2) * (log + 1.2))), 0.01);
    }

    [Fact]
    public void Laws_that_make_no_sense_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new UShapedTimeLaw(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new UniformTimeLaw(0.5, 0.4));
        Assert.Throws<ArgumentOutOfRangeException>(() => new UniformTimeLaw(-0.1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new GridTimeLaw(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new LogNormalTimeLaw(new EdmProcess(), 0, 0));
    }

    private static double[] Draw(TimeLaw law)
    {
        using var random = new SeededRandom(3, CPU);
        using Tensor drawn = law.Draw(Count, random).to(float64);
        return drawn.data<double>().ToArray();
    }
}
