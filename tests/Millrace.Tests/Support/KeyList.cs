using System.Globalization;
using System.IO.Compression;
using Millrace.Checkpoints;
using Millrace.Checkpoints.SingleFiles;
using static TorchSharp.torch;

namespace Millrace.Tests.Support;

/// <summary>Names and shapes of all tensors of a published single file, made from its architecture: <c>Fixtures/single-files</c>.</summary>
internal static class KeyList
{
    // Sides are divided by this where they can be, so that a file of 24 GB becomes one of a few MB with the same names and ranks.
    private const int Scale = 64;

    public static IEnumerable<string> Names => ["sd1", "sd1-inpainting", "sd2", "sdxl", "sdxl-refiner", "sd3-medium", "sd35-medium", "sd35-large", "flux-dev", "flux-schnell"];

    /// <summary>The list, at full size, as a file without data.</summary>
    public static TensorFile Open(string name) => new MappedFile($"{name}.safetensors", Read(name).Select(item => new MappedEntry(item.Name, ScalarType.Float16, item.Shape, [])));

    /// <summary>Writes a small file of the same names, with values by chance.</summary>
    public static void WriteScaled(string name, string path)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(7);
        SafetensorsWriter.Write(path, Read(name).Select(item => KeyValuePair.Create(item.Name, rand([.. item.Shape.Select(side => side % Scale == 0 ? side / Scale : side)], generator: random).to(float16))));
    }

    private static IEnumerable<(string Name, long[] Shape)> Read(string name)
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(Path.Combine(AppContext.BaseDirectory, "Fixtures", "single-files", $"{name}.txt.gz")), CompressionMode.Decompress));
        while (reader.ReadLine() is { } line)
        {
            int space = line.IndexOf(' ', StringComparison.Ordinal);
            yield return (line[..space], [.. line[(space + 2)..^1].Split(", ", StringSplitOptions.RemoveEmptyEntries).Select(side => long.Parse(side, CultureInfo.InvariantCulture))]);
        }
    }
}
