using System.Text.Json;
using Millrace.Imaging;
using Millrace.Imaging.Sources;

namespace Millrace.Tests.Cli;

public sealed class GenerateTests(TinyModelFolder model) : IClassFixture<TinyModelFolder>, IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Draws_a_picture_from_a_prompt()
    {
        CommandLineResult result = await GenerateAsync("--output", _folder.File("cat.png"));

        Assert.Equal((0, $"{_folder.File("cat.png")}\n", ""), (result.ExitCode, result.Output, result.Error));
        Frame picture = await PictureAsync("cat.png");
        Assert.Equal((8, 8), (picture.Width, picture.Height));
    }

    [Theory]
    [InlineData("fp32")]
    [InlineData("bf16")]
    public async Task The_same_seed_gives_the_same_pictures_whatever_their_number(string precision)
    {
        await GenerateAsync("--output", _folder.File("one.png"), "--seed", "3", "--precision", precision);
        await GenerateAsync("--output", _folder.File("many.png"), "--seed", "3", "--precision", precision, "--count", "11");
        await GenerateAsync("--output", _folder.File("other.png"), "--seed", "4", "--precision", precision);

        byte[] one = (await PictureAsync("one.png")).Rgb;
        Assert.Equal(one, (await PictureAsync("many-00.png")).Rgb);
        Assert.NotEqual(one, (await PictureAsync("many-01.png")).Rgb);
        Assert.NotEqual(one, (await PictureAsync("other.png")).Rgb);
        Assert.Equal(11, Directory.GetFiles(_folder.Path, "many-*.png").Length);
    }

    [Fact]
    public async Task Puts_many_on_one_sheet()
    {
        CommandLineResult result = await GenerateAsync("--output", _folder.File("sheet.png"), "--count", "5", "--contact-sheet", "--json");

        Frame sheet = await PictureAsync("sheet.png");
        Assert.Equal((3 * 10 + 2, 2 * 10 + 2), (sheet.Width, sheet.Height));
        Assert.Equal(_folder.File("sheet.png"), JsonDocument.Parse(result.Output).RootElement.GetProperty("files")[0].GetString());
    }

    [Fact]
    public async Task Draws_variants_of_a_sketch()
    {
        await GenerateAsync("--output", _folder.File("sketch.png"), "--size", "12x6");
        CommandLineResult result = await GenerateAsync(
            "--input", _folder.File("sketch.png"), "--output", _folder.File("variant.png"), "--count", "2", "--steps", "20,40", "--guidance", "full", "--negative", "a red cat");

        Assert.Equal(0, result.ExitCode);
        Assert.NotEqual((await PictureAsync("variant-0.png")).Rgb, (await PictureAsync("variant-1.png")).Rgb);
    }

    [Theory]
    [InlineData("--count", "0", "--count must be a whole number of at least 1; got \"0\".")]
    [InlineData("--input", "/no/such/sketch.png", "There is no file or folder '/no/such/sketch.png'.")]
    [InlineData("--output", "/no/such/folder/x.png", "The folder '/no/such/folder' of the output does not exist.")]
    public async Task Refuses_what_cannot_be(string option, string value, string because)
    {
        CommandLineResult result = await GenerateAsync(option, value);

        Assert.NotEqual(0, result.ExitCode);
        Assert.StartsWith(because, result.Error);
        Assert.Single(result.Error.TrimEnd('\n').Split('\n'));
    }

    [Fact]
    public async Task Needs_a_prompt()
    {
        CommandLineResult result = await CommandLine.RunAsync("generate");

        Assert.Equal(2, result.ExitCode);
        Assert.Contains("--prompt", result.Error);
    }

    private async Task<Frame> PictureAsync(string file)
    {
        await using IFrameSource source = FrameSources.Open(_folder.File(file));
        return await source.ReadAsync(TestContext.Current.CancellationToken).FirstAsync(TestContext.Current.CancellationToken);
    }

    private Task<CommandLineResult> GenerateAsync(params string[] arguments) =>
        CommandLine.RunAsync(["generate", "--model", model.Path, "--prompt", "a red car", .. arguments]);
}
