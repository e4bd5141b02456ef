using Millrace.Imaging;
using static TorchSharp.torch;

namespace Millrace.Training.Data;

/// <summary>
/// Pictures in memory, of one size, with their captions: from a folder, from tar archives (plain or gzip, also several in a folder), or
/// from IDX files. A caption stands in a file of the picture's name (<c>.txt</c>; <c>.cls</c> or <c>.json</c>, as in shards of WebDataset), in
/// <c>captions.tsv</c>, <c>captions.jsonl</c> or <c>metadata.jsonl</c>; the caption of an IDX picture is its label. What cannot be read is
/// left out, and said.
/// </summary>
public sealed class PictureSet : IDisposable
{
    private static readonly string[] Endings = [".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp"];

    private PictureSet(Tensor pixels, IReadOnlyList<string> names, IReadOnlyList<string> captions, IReadOnlyList<SkippedSample> skipped) =>
        (Pixels, Names, Captions, Skipped) = (pixels.DetachFromDisposeScope(), names, captions, skipped);

    /// <summary>[N, 3, H, W], bytes; the set's.</summary>
    public Tensor Pixels { get; }

    /// <summary>File of each picture, in the order of the pictures, sorted.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Caption of each picture; empty where it has none.</summary>
    public IReadOnlyList<string> Captions { get; }

    /// <summary>Pictures that could not be read, and captions without a picture.</summary>
    public IReadOnlyList<SkippedSample> Skipped { get; }

    /// <summary>Reads a set.</summary>
    /// <param name="path">A folder, a tar archive or an IDX file of pictures.</param>
    /// <param name="options">The size.</param>
    /// <param name="progress">Told the number of pictures read.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <exception cref="FileNotFoundException">Where there is no such path.</exception>
    /// <exception cref="InvalidDataException">Where there is no readable picture, or an archive or a list of captions is damaged.</exception>
    public static PictureSet Load(string path, PictureSetOptions options, IProgress<long>? progress = null, CancellationToken cancellation = default)
    {
        options.Validate();
        IReadOnlyList<StoredFile> files = StoredFile.All(path);
        var fit = new FrameFit(options.Width, options.Height, options.Fit);
        var captions = new CaptionIndex(files);
        List<SkippedSample> skipped = [];
        List<(string Name, string Caption, byte[] Rgb)> read = [];
        foreach (StoredFile file in files)
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                read.AddRange(IdxFile.Is(file.Name) ? Idx(file, files, fit) : IsPicture(file.Name) ? [(file.Name, captions.Find(file), Picture(file, fit))] : []);
                progress?.Report(read.Count);
            }
            catch (Exception error) when (IsPicture(file.Name) && error is InvalidDataException or IOException or UnauthorizedAccessException)
            {
                skipped.Add(new SkippedSample(file.Name, error.Message));
            }
        }

        skipped.AddRange(captions.WithoutPicture(files).Select(name => new SkippedSample(name, "it has a caption, and there is no such picture")));
        return read.Count > 0
            ? new PictureSet(Join(read, options), [.. read.Select(one => one.Name)], [.. read.Select(one => one.Caption)], skipped)
            : throw new InvalidDataException($"'{path}' holds no picture that can be read ({string.Join(", ", Endings)}, tar archives of them, or IDX){(skipped.Count > 0 ? $"; the first of {skipped.Count} that cannot: {skipped[0].Name}: {skipped[0].Reason}" : "")}.");
    }

    /// <summary>Some pictures as a network takes them.</summary>
    /// <param name="rows">Their numbers, [B], int64.</param>
    /// <returns>[B, 3, H, W], float32 in [-1, 1]; the caller's to dispose.</returns>
    public Tensor Pictures(Tensor rows)
    {
        using var scope = NewDisposeScope();
        return Pixels.index_select(0, rows).to(float32).Times(2 / 255.0).Plus(-1).MoveToOuterDisposeScope();
    }

    /// <summary>All pictures as a network takes them.</summary>
    /// <returns>[N, 3, H, W], float32 in [-1, 1]; the caller's to dispose.</returns>
    public Tensor All()
    {
        using var scope = NewDisposeScope();
        return Pixels.to(float32).Times(2 / 255.0).Plus(-1).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose() => Pixels.Dispose();

    private static bool IsPicture(string name) => Endings.Contains(Path.GetExtension(name), StringComparer.OrdinalIgnoreCase);

    private static byte[] Picture(StoredFile file, FrameFit fit)
    {
        using var decoder = SkiaDecoder.Open(file.Read(), file.Name);
        return fit.Apply(decoder.Decode(0, 0, TimeSpan.Zero)).Rgb;
    }

    /// <summary>The pictures of an IDX file [N, H, W], with the labels of the file beside it; a file of labels holds none.</summary>
    private static IEnumerable<(string Name, string Caption, byte[] Rgb)> Idx(StoredFile file, IReadOnlyList<StoredFile> files, FrameFit fit)
    {
        (int[] sizes, byte[] values) = IdxFile.Read(file);
        if (sizes.Length != 3)
        {
            return [];
        }

        string labelled = file.Name.Replace("images", "labels", StringComparison.Ordinal).Replace("idx3", "idx1", StringComparison.Ordinal);
        byte[]? labels = labelled != file.Name && files.FirstOrDefault(other => other.Name == labelled) is { } found ? IdxFile.Read(found).Values : null;
        if (labels is not null && labels.Length != sizes[0])
        {
            throw new InvalidDataException($"'{file.Name}' holds {sizes[0]} pictures, '{labelled}' {labels.Length} labels.");
        }

        int pixels = sizes[1] * sizes[2];
        PictureLimits.Check(sizes[2], sizes[1], file.Name);
        return Enumerable.Range(0, sizes[0]).Select(index =>
        {
            byte[] rgb = [.. values.AsSpan(index * pixels, pixels).ToArray().SelectMany(grey => new[] { grey, grey, grey })];
            return ($"{file.Name}#{index}", labels is null ? "" : $"{labels[index]}", fit.Apply(new Frame(0, TimeSpan.Zero, sizes[2], sizes[1], rgb)).Rgb);
        });
    }

    private static Tensor Join(List<(string Name, string Caption, byte[] Rgb)> read, PictureSetOptions options)
    {
        using var scope = NewDisposeScope();
        Tensor all = zeros([read.Count, options.Height, options.Width, 3], uint8);
        for (int index = 0; index < read.Count; index++)
        {
            using Tensor row = tensor(read[index].Rgb, [options.Height, options.Width, 3], dtype: uint8);
            using Tensor target = all.select(0, index);
            target.copy_(row);
        }

        return all.permute(0, 3, 1, 2).contiguous().MoveToOuterDisposeScope();
    }
}
