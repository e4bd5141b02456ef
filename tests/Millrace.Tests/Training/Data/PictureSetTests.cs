using System.Formats.Tar;
using System.IO.Compression;
using Millrace.Imaging;
using Millrace.Tests.Cli;
using Millrace.Tests.Support;
using Millrace.Training.Data;
using static TorchSharp.torch;

namespace Millrace.Tests.Training.Data;

public sealed class PictureSetTests : IDisposable
{
    private static readonly PictureSetOptions Options = new(8, 6);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_folder_gives_its_pictures_sorted_with_captions_of_every_kind()
    {
        Write("b/two.png", Png(200));
        Write("b/two.txt", "a bright one\n"u8.ToArray());
        Write("a.png", Png(10));
        Write("c.png", Png(90));
        Write("captions.tsv", "file\tcaption\na.png\ta dark one\nlost.png\tnowhere\n"u8.ToArray());
        Write("b/metadata.jsonl", """{ "file_name": "two.png", "text": "less than the text file" }"""u8.ToArray());
        Write("notes.md", "not a picture"u8.ToArray());

        using PictureSet set = PictureSet.Load(_folder.Path, Options);
        Assert.Equal(["a.png", "b/two.png", "c.png"], set.Names);
        Assert.Equal(["a dark one", "a bright one", ""], set.Captions);
        Assert.Equal([3, 3, 6, 8], set.Pixels.shape);
        Assert.Equal("lost.png", Assert.Single(set.Skipped).Name);
        using var scope = NewDisposeScope();
        Assert.Equal([10, 200, 90], set.Pixels.flatten(1).select(1, 5).data<byte>().ToArray());
        Tensor pictures = set.Pictures(tensor(new long[] { 1 }));
        Assert.Equal((200 / 127.5) - 1, pictures[0, 0, 0, 0].item<float>(), 1e-5);
    }

    [Fact]
    public void What_cannot_be_read_is_left_out_with_its_name()
    {
        Write("good.png", Png(1));
        Write("cut.png", Png(2)[..60]);
        Write("text.jpg", "hello"u8.ToArray());
        Write("empty.webp", []);
        using PictureSet set = PictureSet.Load(_folder.Path, Options);
        Assert.Equal(["good.png"], set.Names);
        Assert.Equal(["cut.png", "empty.webp", "text.jpg"], set.Skipped.Select(skipped => skipped.Name).Order());
    }

    [Theory]
    [InlineData("shard.tar")]
    [InlineData("shard.tar.gz")]
    public void Archives_are_read_alone_and_in_folders(string name)
    {
        string path = WriteTar("sets/" + name, ("0001.png", Png(5)), ("0001.txt", "five"u8.ToArray()), ("0000.png", Png(7)));
        foreach (string from in new[] { path, _folder.File("sets") })
        {
            using PictureSet set = PictureSet.Load(from, Options);
            Assert.Equal(["0000.png", "0001.png"], set.Names);
            Assert.Equal(["", "five"], set.Captions);
        }

        byte[] whole = File.ReadAllBytes(path);
        File.WriteAllBytes(path, whole[..(whole.Length / 2)]);
        Assert.Contains(name, Assert.Throws<InvalidDataException>(() => PictureSet.Load(path, Options)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Shards_keep_their_samples_apart_and_hold_captions_as_WebDataset_does()
    {
        WriteTar("a.tar", ("0.png", Png(1)), ("0.txt", "one"u8.ToArray()), ("0.cls", "9"u8.ToArray()), ("1.png", Png(2)), ("1.json", """{ "caption": "two", "width": 16 }"""u8.ToArray()));
        WriteTar("b.tar", ("0.png", Png(3)), ("0.cls", "3"u8.ToArray()), ("1.png", Png(4)), ("1.json", "[]"u8.ToArray()));
        Write("captions.tsv", "1.png\tfrom the list\n"u8.ToArray());
        using PictureSet set = PictureSet.Load(_folder.Path, Options);
        Assert.Equal(["0.png", "0.png", "1.png", "1.png"], set.Names);
        Assert.Equal(["one", "3", "two", "from the list"], set.Captions);
        Assert.Empty(set.Skipped);
    }

    [Fact]
    public void Digits_of_MNIST_carry_their_labels()
    {
        Write("t-images-idx3-ubyte", [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 9, 9, 9, 9, 50, 50, 50, 50]);
        Write("t-labels-idx1-ubyte", [0, 0, 8, 1, 0, 0, 0, 2, 4, 7]);
        using (PictureSet set = PictureSet.Load(_folder.Path, Options))
        {
            Assert.Equal(["4", "7"], set.Captions);
            Assert.Equal([9, 50], set.Pixels.flatten(1).select(1, 0).data<byte>().ToArray());
        }

        using (PictureSet alone = PictureSet.Load(_folder.File("t-images-idx3-ubyte"), Options))
        {
            Assert.Equal(["", ""], alone.Captions);
        }

        Write("t-labels-idx1-ubyte", [0, 0, 8, 1, 0, 0, 0, 1, 4]);
        Assert.Contains("2 pictures", Assert.Throws<InvalidDataException>(() => PictureSet.Load(_folder.Path, Options)).Message, StringComparison.Ordinal);
        Write("t-images-idx3-ubyte", [0, 0, 8, 3, 127, 0, 0, 2, 127, 0, 0, 2, 127, 0, 0, 2, 9]);
        Assert.Contains("claims", Assert.Throws<InvalidDataException>(() => PictureSet.Load(_folder.Path, Options)).Message, StringComparison.Ordinal);
        Write("t-images-idx3-ubyte", [1, 2, 3]);
        Assert.Contains("no IDX file", Assert.Throws<InvalidDataException>(() => PictureSet.Load(_folder.Path, Options)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_real_digits_are_read()
    {
        string mnist = SharedData.Require("data/mnist");
        using PictureSet set = PictureSet.Load(mnist, new PictureSetOptions(28, 28));
        Assert.Equal(10_000, set.Names.Count);
        Assert.Equal(["7", "2", "1", "0", "4"], set.Captions.Take(5));
    }

    [Fact]
    public void Nothing_to_learn_from_is_refused_in_one_sentence()
    {
        Assert.Contains("holds no picture that can be read", Assert.Throws<InvalidDataException>(() => PictureSet.Load(_folder.Path, Options)).Message, StringComparison.Ordinal);
        Write("broken.png", [1]);
        Assert.Contains("broken.png", Assert.Throws<InvalidDataException>(() => PictureSet.Load(_folder.Path, Options)).Message, StringComparison.Ordinal);
        Assert.Throws<FileNotFoundException>(() => PictureSet.Load(_folder.File("nowhere"), Options));
        Assert.Throws<ArgumentException>(() => PictureSet.Load(_folder.Path, new PictureSetOptions(0, 4)));
        Write("a.png", Png(1));
        Write("captions.tsv", "a.png without a tab\n"u8.ToArray());
        Assert.Contains("line 1", Assert.Throws<InvalidDataException>(() => PictureSet.Load(_folder.Path, Options)).Message, StringComparison.Ordinal);
        File.Delete(_folder.File("captions.tsv"));
        Write("captions.jsonl", "{ \"file_name\": 3 }\n"u8.ToArray());
        Assert.Contains("\"file_name\" and \"text\"", Assert.Throws<InvalidDataException>(() => PictureSet.Load(_folder.Path, Options)).Message, StringComparison.Ordinal);
    }

    private static byte[] Png(byte grey) => SkiaFrames.EncodePng(new Frame(0, TimeSpan.Zero, 16, 12, [.. Enumerable.Repeat(grey, 16 * 12 * 3)]));

    private string WriteTar(string name, params (string Name, byte[] Content)[] entries)
    {
        string path = _folder.File(name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using FileStream file = File.Create(path);
        using Stream bytes = name.EndsWith("gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionLevel.Fastest) : file;
        using var tar = new TarWriter(bytes);
        foreach ((string entry, byte[] content) in entries)
        {
            tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, entry) { DataStream = new MemoryStream(content) });
        }

        return path;
    }

    private void Write(string name, byte[] bytes)
    {
        string path = _folder.File(name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, bytes);
    }
}
