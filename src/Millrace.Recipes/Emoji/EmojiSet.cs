using System.Formats.Tar;
using System.IO.Compression;
using Millrace.Runtime;
using SkiaSharp;
using static TorchSharp.torch;

namespace Millrace.Recipes.Emoji;

/// <summary>The captioned emoji: a folder with <c>captions.tsv</c> and <c>noto-emoji-72.tar.gz</c>.</summary>
public sealed class EmojiSet : IDisposable
{
    private readonly Dictionary<string, int> _rows;

    private EmojiSet(IReadOnlyList<EmojiPicture> pictures, IReadOnlyList<byte[]> layers, int side)
    {
        (Pictures, Layers) = (pictures, layers);
        _rows = Enumerable.Range(0, pictures.Count).ToDictionary(row => pictures[row].Name, StringComparer.Ordinal);
        Pixels = tensor(layers.SelectMany(layer => layer.Take(3 * side * side)).ToArray(), [layers.Count, 3, side, side], dtype: uint8);
    }

    /// <summary>One entry a picture.</summary>
    public IReadOnlyList<EmojiPicture> Pictures { get; }

    /// <summary>Each picture, [4, side x side] bytes: red, green, blue on white, transparency.</summary>
    public IReadOnlyList<byte[]> Layers { get; }

    /// <summary>[N, 3, side, side], bytes, on white.</summary>
    public Tensor Pixels { get; }

    /// <summary>Reads the set.</summary>
    /// <param name="folder">Where the two files are.</param>
    /// <param name="side">Side of the pictures in pixels.</param>
    /// <exception cref="InvalidDataException">Where a caption has no picture.</exception>
    /// <exception cref="LibTorchLoadException">Where libtorch does not load.</exception>
    public static EmojiSet Load(string folder, int side)
    {
        LibTorch.Load();
        var layers = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        using (var tar = new TarReader(new GZipStream(File.OpenRead(Path.Combine(folder, "noto-emoji-72.tar.gz")), CompressionMode.Decompress)))
        {
            while (tar.GetNextEntry() is { } entry)
            {
                if (entry.DataStream is { } data)
                {
                    layers[Path.GetFileName(entry.Name)] = Read(data, side);
                }
            }
        }

        var pictures = new List<EmojiPicture>();
        var rows = new List<byte[]>();
        foreach (string line in File.ReadLines(Path.Combine(folder, "captions.tsv")).Skip(1))
        {
            string[] cells = line.Split('\t');
            rows.Add(layers.TryGetValue(cells[0], out byte[]? found) ? found : throw new InvalidDataException($"captions.tsv names '{cells[0]}', which the archive lacks."));
            pictures.Add(new EmojiPicture(cells[1], cells[2], cells[3], Words(cells[4]), Words(cells[5])));
        }

        return new EmojiSet(pictures, rows, side);
    }

    /// <summary>The row of a picture by its name.</summary>
    /// <exception cref="KeyNotFoundException">Where there is none of that name.</exception>
    public int RowOf(string name) => _rows[name];

    /// <inheritdoc/>
    public void Dispose() => Pixels.Dispose();

    private static string[] Words(string cell) => cell.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    // PNG of any size to [4, side x side] bytes.
    private static byte[] Read(Stream png, int side)
    {
        // The archive's stream cannot seek, which the decoder needs.
        using var memory = new MemoryStream();
        png.CopyTo(memory);
        using SKBitmap source = SKBitmap.Decode(memory.ToArray()) ?? throw new InvalidDataException("The archive holds a file that is no picture.");
        using var surface = SKSurface.Create(new SKImageInfo(side, side, SKColorType.Rgba8888, SKAlphaType.Premul));
        surface.Canvas.Clear(SKColors.Transparent);
        using SKImage image = SKImage.FromBitmap(source);
        surface.Canvas.DrawImage(image, SKRect.Create(side, side), new SKSamplingOptions(SKCubicResampler.Mitchell));
        using SKImage snapshot = surface.Snapshot();
        using SKPixmap pixmap = snapshot.PeekPixels();
        ReadOnlySpan<byte> rgba = pixmap.GetPixelSpan();
        int pixels = side * side;
        var layers = new byte[4 * pixels];
        for (int pixel = 0; pixel < pixels; pixel++)
        {
            byte clear = (byte)(255 - rgba[(pixel * 4) + 3]);
            for (int channel = 0; channel < 3; channel++)
            {
                layers[(channel * pixels) + pixel] = (byte)Math.Min(255, rgba[(pixel * 4) + channel] + clear); // premultiplied, on white
            }

            layers[(3 * pixels) + pixel] = clear;
        }

        return layers;
    }
}
