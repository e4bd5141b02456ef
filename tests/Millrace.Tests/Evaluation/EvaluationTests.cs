using Millrace.Evaluation;
using Millrace.Models.Layers;
using Millrace.Tests.Cli;
using static TorchSharp.torch;

namespace Millrace.Tests.Evaluation;

public sealed class EvaluationTests
{
    [Theory]
    [InlineData(50, 100, 0.4038, 0.5962)]
    [InlineData(0, 10, 0, 0.2775)]
    [InlineData(10, 10, 0.7225, 1)]
    public void The_interval_is_that_of_Wilson(int successes, int trials, double low, double high)
    {
        var proportion = new Proportion(successes, trials);
        Assert.Equal(low, proportion.Interval.Low, 1e-4);
        Assert.Equal(high, proportion.Interval.High, 1e-4);
    }

    [Fact]
    public void Layout_correlates_with_itself_whatever_its_contrast_and_not_with_another()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        Tensor coarse = nn.functional.interpolate(randn([64, 3, 8, 8], generator: generator), [64, 64]);
        Tensor detail = randn([64, 3, 64, 64], generator: generator);
        Assert.Equal(1, LayoutCorrelation.Mean(coarse, coarse.Times(0.3).Plus(0.2)), 1e-4);
        Assert.Equal(-1, LayoutCorrelation.Mean(coarse, -coarse), 1e-4);
        Assert.InRange(LayoutCorrelation.Mean(coarse, coarse.Plus(detail)), 0.98, 1);
        Assert.InRange(LayoutCorrelation.Mean(coarse, coarse.roll(1, 0)), -0.1, 0.1);
    }

    [Fact]
    public void A_judge_is_the_same_after_saving_and_loading()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var generator = new Generator(2);
        string[] labels = ["a", "b", "c"];
        using var judge = new PictureJudge(new ConvolutionalClassifier(3).Initialize(generator), labels);
        judge.Save(folder.Path);
        using PictureJudge loaded = PictureJudge.Load(folder.Path);
        Tensor images = randn([30, 3, 32, 32], generator: generator);
        foreach (string label in labels)
        {
            string[] expected = [.. Enumerable.Repeat(label, 30)];
            Assert.Equal(judge.Agreement(images, expected), loaded.Agreement(images, expected));
        }
    }

    [Fact]
    public void A_judge_without_names_is_refused()
    {
        using var folder = new TemporaryFolder();
        folder.Write("labels.json", "[\"only one\"]");
        var error = Assert.Throws<InvalidDataException>(() => PictureJudge.Load(folder.Path));
        Assert.Contains("at least two names, got 1", error.Message, StringComparison.Ordinal);
    }
}
