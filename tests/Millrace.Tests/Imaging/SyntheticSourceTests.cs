using Millrace.Imaging;
using Millrace.Imaging.Sources;

namespace Millrace.Tests.Imaging;

public sealed class SyntheticSourceTests
{
    [Fact]
    public async Task A_seed_draws_the_same_frames_again_and_another_draws_others()
    {
        Frame[] frames = await Read(seed: 3), again = await Read(seed: 3), others = await Read(seed: 4);
        Assert.All(frames.Zip(again), pair => Assert.Equal(pair.First.Rgb, pair.Second.Rgb));
        Assert.NotEqual(frames[0].Rgb, others[0].Rgb);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.2)]
    [InlineData(0.7)]
    public async Task The_share_of_still_frames_is_what_was_asked_for(double share)
    {
        Frame[] frames = await Read(seed: 0, share);
        int still = frames.Zip(frames.Skip(1)).Count(pair => pair.First.Rgb.SequenceEqual(pair.Second.Rgb));
        Assert.Equal(share, still / (double)frames.Length, 0.03);
    }

    [Theory]
    [InlineData(0, 64, 0, 12)]
    [InlineData(1, 7, 0, 12)]
    [InlineData(1, 64, 1, 12)]
    [InlineData(1, 64, double.NaN, 12)]
    [InlineData(1, 64, 0, 0)]
    public void Impossible_scenes_are_refused(int count, int side, double share, double framesPerSecond) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new SyntheticSource(count, side, 0, share, framesPerSecond));

    private static async Task<Frame[]> Read(int seed, double share = 0)
    {
        await using var source = new SyntheticSource(200, side: 32, seed, share);
        return await source.ReadAsync().ToArrayAsync();
    }
}
