using Millrace.Evaluation;
using Millrace.Tests.Cli;
using static TorchSharp.torch;

namespace Millrace.Tests.Evaluation;

public sealed class JudgeTrainingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(JudgeArchitecture.Convolutions)]
    [InlineData(JudgeArchitecture.Mixing)]
    public void A_judge_of_bright_and_dark_is_right_about_pictures_held_out_and_stays_so_in_its_folder(JudgeArchitecture architecture)
    {
        using var scope = NewDisposeScope();
        (Tensor pixels, string[] classes) = Pictures();
        var options = new JudgeTrainingOptions { Architecture = architecture, Steps = 25, Batch = 8 };
        (PictureJudge judge, Proportion heldOut) = JudgeTraining.Train(pixels, classes, options, _folder.File("run"))!.Value;
        using (judge)
        {
            Assert.Equal(new Proportion(5, 5), heldOut); // of 20 dark and 8 bright ones every fifth
            judge.Save(_folder.File("judge"));
            using PictureJudge loaded = PictureJudge.Load(_folder.File("judge"));
            Tensor images = pixels.to(float32).Times(2 / 255.0).Plus(-1);
            Assert.Equal(judge.Classify(images), loaded.Classify(images));
            using Tensor features = loaded.Features(images);
            Assert.Equal(architecture == JudgeArchitecture.Mixing ? 96 : 112, features.shape[1]);
            using Tensor other = loaded.Features(rand(2, 3, 80, 48)); // of any size
            Assert.Equal(2, other.shape[0]);
        }
    }

    [Fact]
    public void A_run_that_was_ended_goes_on()
    {
        using var scope = NewDisposeScope();
        (Tensor pixels, string[] classes) = Pictures();
        var options = new JudgeTrainingOptions { Steps = 3, Batch = 4 };
        using (var cancelled = new CancellationTokenSource())
        {
            cancelled.Cancel();
            Assert.Null(JudgeTraining.Train(pixels, classes, options, _folder.Path, cancellation: cancelled.Token));
        }

        using PictureJudge judge = JudgeTraining.Train(pixels, classes, options, _folder.Path)!.Value.Judge;
    }

    [Fact]
    public void One_class_and_lonely_pictures_are_refused()
    {
        using var scope = NewDisposeScope();
        (Tensor pixels, _) = Pictures();
        string[] one = [.. Enumerable.Repeat("a", 28)], lonely = [.. one[..27], "b"];
        var options = new JudgeTrainingOptions { Steps = 1 };
        Assert.Contains("at least two, got 1", Assert.Throws<ArgumentException>(() => JudgeTraining.Train(pixels, one, options, _folder.Path)).Message, StringComparison.Ordinal);
        Assert.Contains("Class 'b' has one picture", Assert.Throws<ArgumentException>(() => JudgeTraining.Train(pixels, lonely, options, _folder.Path)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => JudgeTraining.Train(pixels, lonely, options with { HoldOutEvery = 1 }, _folder.Path));
    }

    private static (Tensor Pixels, string[] Classes) Pictures()
    {
        using var generator = new Generator(1);
        string[] classes = [.. Enumerable.Range(0, 28).Select(row => row % 7 < 5 ? "dark" : "bright")];
        Tensor light = tensor(classes.Select(name => name == "dark" ? 40f : 180f).ToArray()).view(-1, 1, 1, 1);
        return (light.Plus(rand([28, 3, 16, 16], generator: generator).Times(30)).to(ScalarType.Byte), classes);
    }
}
