using Millrace.Checkpoints;
using Millrace.Imaging;
using Millrace.Pipelines;
using Millrace.Processes;
using Millrace.Tests.Cli;
using Millrace.Training;
using Millrace.Training.Data;
using Millrace.Training.Pictures;
using static TorchSharp.torch;

namespace Millrace.Tests.Training.Pictures;

public sealed class PictureTrainingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Data => _folder.File("data");

    public PictureTrainingTests()
    {
        for (int index = 0; index < 6; index++)
        {
            Write($"{(index % 2 == 0 ? "dark" : "light")}/{index}.png", (byte)(index % 2 == 0 ? 40 : 200));
        }
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(PictureCondition.Text, PictureProcess.Flow, "a dark one")]
    [InlineData(PictureCondition.Text, PictureProcess.V, "a dark one")]
    [InlineData(PictureCondition.Class, PictureProcess.Flow, "dark")]
    [InlineData(PictureCondition.None, PictureProcess.V, "")]
    public void The_result_draws(PictureCondition condition, PictureProcess process, string prompt)
    {
        if (condition == PictureCondition.Text)
        {
            Caption();
        }

        Train("model", Options with { Condition = condition, Process = process });
        using DiffusionModel model = DiffusersFolder.Load(_folder.File("model"));
        Assert.Equal(process == PictureProcess.Flow, model.Process is FlowProcess);
        Frame drawn = TextToImage.Generate(model, prompt, new GenerationOptions { Steps = 2 }).Single();
        Assert.Equal((32, 32), (drawn.Width, drawn.Height));
    }

    [Fact]
    public void A_run_that_ends_at_any_step_and_goes_on_gives_the_same_bytes()
    {
        Caption();
        PictureTrainingOptions options = Options with
        {
            Steps = 5,
            AutoencoderSteps = 4,
            AccumulationSteps = 2,
            Augmentation = new PictureAugmentation { Flip = true, Crop = 0.2, Shift = 0.1, ColourJitter = 0.2 },
        };
        Train("whole", options);
        int last = Random.Shared.Next(1, 9); // anywhere in the two stages
        using (var cancellation = new CancellationTokenSource())
        {
            int entries = 0;
            using PictureTraining first = PictureTraining.Begin(Data, _folder.File("parts"), options, cancellation: TestContext.Current.CancellationToken);
            Assert.False(first.Run(progress: new Reports(() => { if (++entries == last) { cancellation.Cancel(); } }), cancellation: cancellation.Token));
        }

        using (PictureTraining second = PictureTraining.Resume(_folder.File("parts"), cancellation: TestContext.Current.CancellationToken))
        {
            Assert.True(second.Run(cancellation: TestContext.Current.CancellationToken));
        }

        foreach (string file in new[] { "unet/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors" })
        {
            Assert.True(File.ReadAllBytes(_folder.File($"whole/{file}")).SequenceEqual(File.ReadAllBytes(_folder.File($"parts/{file}"))), $"{file}, ended after {last} steps");
        }

        Assert.Equal(5, File.ReadAllLines(_folder.File("parts/training/denoiser/log.jsonl")).Length);
    }

    [Fact]
    public void Pictures_held_out_are_measured_and_never_learned()
    {
        PictureTrainingOptions options = Options with { HeldOut = 0.3, CheckpointGradients = true };
        using PictureTraining training = Begin("held", options);
        using (var batches = new PictureBatches(training.Pictures, options, CPU))
        {
            HashSet<string> shown = [], held = [];
            for (int seed = 0; seed < 40; seed++)
            {
                using var scope = NewDisposeScope();
                using var random = new SeededRandom(seed, CPU);
                shown.UnionWith(batches.Draw(random).Names);
                held.UnionWith(batches.Draw(random, heldOut: true).Names);
            }

            Assert.Equal((4, 2), (shown.Count, held.Count));
            Assert.Empty(shown.Intersect(held));
        }

        Assert.True(training.Run(cancellation: TestContext.Current.CancellationToken));
        Assert.Contains("\"held-out loss\":", File.ReadAllLines(_folder.File("held/training/denoiser/log.jsonl"))[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void Class_names_are_those_of_captions_or_of_sub_folders()
    {
        using (PictureTraining folders = Begin("a", Options with { Condition = PictureCondition.Class }))
        {
            Assert.Equal(["dark", "light"], folders.Classes);
        }

        Write("alone.png", 3);
        Assert.Contains("'alone.png' has no class", Assert.Throws<InvalidDataException>(() => Begin("b", Options with { Condition = PictureCondition.Class })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_is_refused_in_one_sentence()
    {
        Assert.Contains("no captions", Assert.Throws<InvalidDataException>(() => Begin("a", Options with { Condition = PictureCondition.Text })).Message, StringComparison.Ordinal);
        Assert.Contains("multiple of 32", Assert.Throws<ArgumentOutOfRangeException>(() => Begin("a", Options with { Size = 40 })).Message, StringComparison.Ordinal);
        Assert.Contains("Shift must be", Assert.Throws<ArgumentOutOfRangeException>(() => Begin("a", Options with { Augmentation = new PictureAugmentation { Shift = 2 } })).Message, StringComparison.Ordinal);
        Begin("a", Options).Dispose();
        Assert.Contains("holds a run already", Assert.Throws<ArgumentException>(() => Begin("a", Options)).Message, StringComparison.Ordinal);
        Assert.Contains("is not empty", Assert.Throws<ArgumentException>(() => Begin("data", Options)).Message, StringComparison.Ordinal);
        Assert.Contains("holds no run", Assert.Throws<DirectoryNotFoundException>(() => PictureTraining.Resume(Data)).Message, StringComparison.Ordinal);
        Write("dark/new.png", 1);
        Assert.Contains("7 now, 6 then", Assert.Throws<InvalidDataException>(() => PictureTraining.Resume(_folder.File("a"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_loss_that_is_no_number_names_the_pictures()
    {
        using PictureTraining training = Begin("a", Options with { LearningRate = 1e30, Steps = 200 });
        string message = Assert.Throws<DivergedException>(() => training.Run(cancellation: TestContext.Current.CancellationToken)).Message;
        Assert.Contains(".png", message, StringComparison.Ordinal);
        Assert.Contains("denoiser", message, StringComparison.Ordinal);
    }

    private static PictureTrainingOptions Options { get; } = new()
    {
        Size = 32,
        Network = PictureNetwork.Tiny,
        Steps = 2,
        AutoencoderSteps = 2,
        Batch = 2,
        LogEvery = 1,
        PreviewEvery = 100,
        CheckpointEvery = 3,
    };

    private PictureTraining Begin(string folder, PictureTrainingOptions options) =>
        PictureTraining.Begin(Data, _folder.File(folder), options, cancellation: TestContext.Current.CancellationToken);

    private void Train(string folder, PictureTrainingOptions options)
    {
        using PictureTraining training = Begin(folder, options);
        Assert.True(training.Run(cancellation: TestContext.Current.CancellationToken));
    }

    private void Caption() => File.WriteAllText(Path.Combine(Data, "captions.tsv"), string.Concat(
        Enumerable.Range(0, 6).Select(index => $"{(index % 2 == 0 ? "dark" : "light")}/{index}.png\ta {(index % 2 == 0 ? "dark" : "light")} one\n")));

    private void Write(string name, byte grey)
    {
        string path = Path.Combine(Data, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, SkiaFrames.EncodePng(new Frame(0, TimeSpan.Zero, 16, 12, [.. Enumerable.Range(0, 16 * 12 * 3).Select(index => (byte)(grey + (index % 7)))])));
    }

    private sealed class Reports(Action report) : IProgress<PictureTrainingProgress>
    {
        public void Report(PictureTrainingProgress value) => report();
    }
}
