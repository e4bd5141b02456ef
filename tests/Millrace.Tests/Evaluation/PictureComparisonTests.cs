using Millrace.Evaluation;
using Millrace.Models.Layers;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Evaluation;

public sealed class PictureComparisonTests
{
    [Fact]
    public void Samples_of_the_references_law_are_near_their_ideals_and_others_are_not()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        Tensor reference = randn([300, 4], generator: generator), same = randn([200, 4], generator: generator), moved = same.Plus(1);
        Dictionary<string, ComparisonScore> near = ByName(PictureComparison.InFeatures("judge", same, reference)), far = ByName(PictureComparison.InFeatures("judge", moved, reference));
        Assert.Equal(10, near.Count);
        Assert.All(near.Values, score => Assert.InRange(score.Value.Mean, score.Value.Low, score.Value.High));
        foreach (string distance in new[] { "Frechet distance", "kernel distance, cubic", "kernel distance, Gaussian", "kernel distance, linear", "sliced Wasserstein" })
        {
            Assert.True(far[distance].Value.Low > near[distance].Value.High, $"{distance}: {far[distance].Value} against {near[distance].Value}");
        }

        Assert.InRange(near["novelty"].Value.Mean, 0.8, 1.3);
        Assert.InRange(near["density"].Value.Mean, 0.8, 1.2);
        Assert.True(far["coverage"].Value.High < near["coverage"].Value.Low);
        Assert.Equal(0, ByName(PictureComparison.InFeatures("judge", reference, reference))["novelty"].Value.Mean, 1e-2);
        Assert.Equal(PictureComparison.InFeatures("judge", same, reference, seed: 4), PictureComparison.InFeatures("judge", same, reference, seed: 4));
    }

    [Fact]
    public void Pixels_tell_colours_apart()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(2);
        Tensor pictures = rand([20, 3, 32, 32], generator: generator), dark = rand([16, 3, 32, 32], generator: generator).Plus(-1);
        Assert.True(PictureComparison.InPixels(dark, pictures).Value.Low > PictureComparison.InPixels(pictures.narrow(0, 0, 10), pictures.narrow(0, 10, 10)).Value.High);
    }

    [Fact]
    public void Pairs_are_measured_one_by_one()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        Tensor pictures = rand([3, 3, 16, 16], generator: generator);
        Assert.Equal([100, 1], PictureComparison.OfPairs(pictures, pictures).Select(score => Math.Round(score.Value.Mean, 9)));
        Assert.Equal(10 * Math.Log10(4 / 0.01), PictureComparison.OfPairs(pictures.Plus(0.1), pictures)[0].Value.Mean, 1e-3);
    }

    [Fact]
    public void Agreement_counts_captions_that_both_sides_have()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(4);
        using var judge = new PictureJudge(new ConvolutionalClassifier(3).Initialize(generator), ["a", "b", "c"]);
        Tensor pictures = randn([6, 3, 32, 32], generator: generator);
        string[] captions = [.. Enumerable.Range(0, 6).Select(index => $"picture {index}")];
        Assert.Equal(new Proportion(6, 6), PromptAgreement.Of(judge, pictures, captions, pictures, captions));
        Assert.Equal(4, PromptAgreement.Of(judge, pictures, [.. captions[..4], "other", ""], pictures, captions)!.Trials);
        Assert.Null(PromptAgreement.Of(judge, pictures, captions, pictures, ["", "", "", "", "", ""]));
    }

    [Fact]
    public void Too_few_pictures_are_refused()
    {
        using var scope = NewDisposeScope();
        Assert.Contains("at least 8 pictures on each side, got 7 and 20", Assert.Throws<ArgumentException>(() => PictureComparison.InFeatures("judge", zeros(7, 3), zeros(20, 3))).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => PictureComparison.InPixels(zeros(20, 3, 16, 16), zeros(3, 3, 16, 16)));
        Assert.Contains("copies of one another", Assert.Throws<ArgumentException>(() => Novelty.Of(zeros(9, 3), zeros(9, 3))).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Novelty.Of(zeros(9, 4), zeros(9, 3)));
    }

    [Fact]
    public void No_tensor_outlives_a_comparison()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5);
        Tensor first = randn([8, 3, 16, 16], generator: generator), second = randn([9, 3, 16, 16], generator: generator);
        Living.StaysConstant(() =>
        {
            PictureComparison.InPixels(first, second);
            Novelty.Of(first, second);
        });
    }

    private static Dictionary<string, ComparisonScore> ByName(IReadOnlyList<ComparisonScore> scores) => scores.ToDictionary(score => score.Metric);
}
