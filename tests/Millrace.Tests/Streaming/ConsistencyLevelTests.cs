using Millrace.Processes;
using Millrace.Solvers;

namespace Millrace.Tests.Streaming;

public sealed class ConsistencyLevelTests
{
    [Theory]
    [InlineData(999, 0.068265, 0.997667, 14.6146, 2.505e-9)]
    [InlineData(679, 0.309813, 0.950798, 3.0689, 5.423e-9)]
    [InlineData(559, 0.451301, 0.892372, 1.9773, 8.000e-9)]
    [InlineData(359, 0.701071, 0.713092, 1.0171, 1.940e-8)]
    [InlineData(299, 0.769534, 0.638605, 0.8299, 2.796e-8)]
    [InlineData(99, 0.946289, 0.323322, 0.3417, 2.551e-7)]
    public void The_constants_of_stable_diffusion_are_the_published_ones(int timestep, double alpha, double sigma, double ratio, double skip)
    {
        ConsistencyLevel level = ConsistencyLevel.At(VariancePreservingProcess.StableDiffusion, timestep);
        Assert.Equal(alpha, level.Alpha, 1e-6);
        Assert.Equal(sigma, level.Sigma, 1e-6);
        Assert.Equal(ratio, level.Sigma / level.Alpha, 1e-4);
        Assert.Equal(skip, level.Skip, 1e-3 * skip);
        Assert.Equal(1, level.Out, 1e-6);
    }

    [Theory]
    [InlineData(new[] { 22, 32, 45 }, new[] { 559, 359, 99 })]
    [InlineData(new[] { 35, 45 }, new[] { 299, 99 })]
    [InlineData(new[] { 0, 16, 32, 45 }, new[] { 999, 679, 359, 99 })]
    public void Indices_name_the_timesteps_of_the_published_presets(int[] steps, int[] timesteps) =>
        Assert.Equal(timesteps, LcmTimesteps.Select(steps));

    [Fact]
    public void A_shorter_grid_picks_evenly()
    {
        Assert.Equal([999, 759, 499, 259], LcmTimesteps.Grid(4));
        Assert.Equal(50, LcmTimesteps.Grid().Count);
        Assert.Throws<ArgumentOutOfRangeException>(() => LcmTimesteps.Grid(51));
    }
}
