using Millrace.Checkpoints;
using Millrace.Imaging;
using Millrace.Models.TextEncoders;
using Millrace.Pipelines;
using Millrace.Tests.Cli;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Checkpoints.SingleFiles;

/// <summary>A model draws the same from a single file as from its folder.</summary>
public sealed class SingleFileModelTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Names => [.. PublishedFolders.Names];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Names))]
    public void A_single_file_draws_as_its_folder_does(string name)
    {
        string folder = PublishedFolders.Write(name, _folder.File("model")), file = _folder.File("model.safetensors");
        CheckpointConversion.Convert(folder, file, cancellationToken: TestContext.Current.CancellationToken);
        using DiffusionModel expected = DiffusersFolder.Load(folder);
        using DiffusionModel actual = Checkpoint.Load(file, new LoadOptions { TokenizerPath = folder });

        Assert.Equal((expected.Family, expected.Prediction, expected.DefaultSize, expected.EmbedsGuidance), (actual.Family, actual.Prediction, actual.DefaultSize, actual.EmbedsGuidance));
        Assert.Equal(expected.Scheduler.Process.ToString(), actual.Scheduler.Process.ToString());
        Assert.Equal(Draw(expected).Rgb, Draw(actual).Rgb);
    }

    [Fact]
    public void A_pickle_draws_as_its_folder_does()
    {
        string folder = PublishedFolders.Write("sd1", _folder.File("model")), file = _folder.File("model.safetensors"), pickle = _folder.File("model.ckpt");
        CheckpointConversion.Convert(folder, file, cancellationToken: TestContext.Current.CancellationToken);
        using (var scope = NewDisposeScope())
        {
            using var read = TensorFile.Open(file);
            File.WriteAllBytes(pickle, new TorchArchive().Dictionary(root => root.Text("global_step").Number(1).Text("state_dict").Dictionary(archive =>
                read.Entries.ToList().ForEach(entry => archive.Text(entry.Name).Tensor(read.Read(entry.Name))))).ToBytes());
        }

        using DiffusionModel expected = DiffusersFolder.Load(folder);
        using DiffusionModel actual = Checkpoint.Load(pickle, new LoadOptions { TokenizerPath = Path.Combine(folder, "tokenizer") });
        Assert.Equal(Draw(expected).Rgb, Draw(actual).Rgb);
    }

    [Theory]
    [InlineData("sd1", "tokenizer", false)]
    [InlineData("sd2", "tokenizer", true)]
    [InlineData("sdxl-refiner", "tokenizer_2", true)]
    public void A_tokenizer_alone_pads_as_the_family_does(string name, string part, bool first)
    {
        string folder = PublishedFolders.Write(name, _folder.File("model")), file = _folder.File("model.safetensors"), target = _folder.File("converted");
        CheckpointConversion.Convert(folder, file, cancellationToken: TestContext.Current.CancellationToken);
        string plain = Directory.CreateDirectory(_folder.File("plain")).FullName;
        new[] { "vocab.json", "merges.txt" }.ToList().ForEach(of => File.Copy(Path.Combine(folder, part, of), Path.Combine(plain, of)));
        CheckpointConversion.Convert(file, target, new ConversionOptions { TokenizerPath = plain }, cancellationToken: TestContext.Current.CancellationToken);

        var tokenizer = ClipTokenizer.LoadFolder(Path.Combine(target, part));
        Assert.Equal(first ? 0 : tokenizer.LargestId, tokenizer.PadId);
        DiffusersFolder.Load(target).Dispose();
    }

    [Fact]
    public void What_a_single_file_lacks_is_said()
    {
        string folder = PublishedFolders.Write("flux-dev", _folder.File("model")), file = _folder.File("model.safetensors");
        CheckpointConversion.Convert(folder, file, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Contains($"'{file}' holds no tokenizer, as no single file does", Assert.Throws<InvalidDataException>(() => Checkpoint.Load(file)).Message);
        string empty = Directory.CreateDirectory(_folder.File("empty")).FullName;
        Assert.Contains($"'{empty}' holds no tokenizer: it must hold vocab.json and merges.txt", Assert.Throws<InvalidDataException>(() => Checkpoint.Load(file, new LoadOptions { TokenizerPath = empty })).Message);
        Directory.Delete(Path.Combine(folder, "vae"), recursive: true);
        string without = _folder.File("without.safetensors");
        CheckpointConversion.Convert(folder, without, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Contains("holds transformer, text_encoder, text_encoder_2 of FLUX.1 dev, but not vae", Assert.Throws<InvalidDataException>(() => Checkpoint.Load(without)).Message);
        Assert.Throws<DirectoryNotFoundException>(() => Checkpoint.Load(_folder.File("nosuch")));
    }

    [Fact]
    public void Whether_Stable_Diffusion_2_predicts_v_must_be_said_by_someone()
    {
        using var scope = NewDisposeScope();
        string list = _folder.File("sd2.safetensors");
        KeyList.WriteScaled("sd2", list);

        string message = Assert.Throws<InvalidDataException>(() => CheckpointConversion.Convert(list, _folder.File("folder"), cancellationToken: TestContext.Current.CancellationToken)).Message;
        Assert.Contains("does not say whether its network predicts the noise or v", message);
        Assert.Empty(Directory.GetDirectories(_folder.Path));
    }

    [Fact]
    public void A_broken_part_is_named_with_the_file()
    {
        using var scope = NewDisposeScope();
        string folder = PublishedFolders.Write("sd1", _folder.File("model")), file = _folder.File("model.safetensors"), broken = _folder.File("broken.safetensors");
        CheckpointConversion.Convert(folder, file, cancellationToken: TestContext.Current.CancellationToken);
        using (var read = TensorFile.Open(file))
        {
            SafetensorsWriter.Write(broken, read.Entries.Where(entry => entry.Name != "first_stage_model.decoder.conv_in.bias").Select(entry => KeyValuePair.Create(entry.Name, read.Read(entry.Name))));
        }

        string message = Assert.Throws<InvalidDataException>(() => Checkpoint.Load(broken, new LoadOptions { TokenizerPath = folder })).Message;
        Assert.Contains($"'{broken}' does not hold the weights of this AutoencoderKL: 1 tensor missing (decoder.conv_in.bias", message);
    }

    private static Frame Draw(DiffusionModel model) => TextToImage.Generate(model, "a red car", new GenerationOptions { Width = 16, Height = 16, Steps = 2, Seed = 3 }, 1).Single();
}
