using Millrace.Checkpoints.Schedulers;
using Millrace.Checkpoints.SingleFiles;
using Millrace.Files;
using Millrace.Processes;
using Millrace.Runtime;

namespace Millrace.Checkpoints;

/// <summary>
/// Brings weights from one form into another: single file to diffusers folder and back, and pickles to safetensors. What is written
/// is whole or absent, and one tensor's part at a time is in memory.
/// </summary>
public static class CheckpointConversion
{
    private static readonly Dictionary<string, string> Format = new() { ["format"] = "pt" };

    /// <summary>Converts.</summary>
    /// <param name="input">A single file, or a folder.</param>
    /// <param name="output">A file ending in <c>.safetensors</c>, or a folder, neither of which exists yet.</param>
    /// <param name="options">How; null keeps precision, and leaves out tokenizers.</param>
    /// <param name="written">Is told the bytes written so far, of one file after another.</param>
    /// <param name="cancellationToken">Ends the work; nothing is left of it.</param>
    /// <exception cref="ArgumentException">Where an option is outside its range.</exception>
    /// <exception cref="FileNotFoundException">Where there is no input.</exception>
    /// <exception cref="InvalidDataException">Where the input is broken or of no known family, or has no such form.</exception>
    /// <exception cref="IOException">Where the output exists, or cannot be written.</exception>
    /// <exception cref="OperationCanceledException">Where it was cancelled.</exception>
    public static void Convert(string input, string output, ConversionOptions? options = null, IProgress<long>? written = null, CancellationToken cancellationToken = default)
    {
        options ??= new ConversionOptions();
        options.Validate();
        if (Path.Exists(output))
        {
            throw new IOException($"'{output}' exists already: name another output, or remove it first.");
        }

        LibTorch.Load();
        var sum = new Sum(written);
        bool toFile = output.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase);
        if (Directory.Exists(input))
        {
            FolderToFile(input, toFile ? output : throw new InvalidDataException($"'{output}' must end in .safetensors: a folder becomes a single file."), options, sum, cancellationToken);
        }
        else if (!File.Exists(input))
        {
            throw new FileNotFoundException($"There is neither a file nor a folder '{input}'.", input);
        }
        else if (toFile)
        {
            using var file = TensorFile.Open(input);
            Copy(output, [file], file is SafetensorsFile ? file.Metadata : Format, options, sum, cancellationToken);
        }
        else
        {
            FileToFolder(input, output, options, sum, cancellationToken);
        }
    }

    private static void FileToFolder(string input, string output, ConversionOptions options, Sum sum, CancellationToken cancellationToken)
    {
        using var single = SingleFile.Open(input);
        AtomicFolder.Write(output, folder =>
        {
            single.WriteFrame(folder, options.TokenizerPath, options.Prediction);
            foreach ((PartForm form, MappedFile tensors) in single.Parts)
            {
                Copy(Path.Combine(folder, form.Folder, form.Weights + ".safetensors"), [tensors], Format, options, sum, cancellationToken);
            }

            if (single.Rest.Count > 0 || single.File.Metadata.Count > 0)
            {
                using MappedFile rest = new(input, single.Rest.Select(entry => new MappedEntry(entry.Name, entry.Type, entry.Shape, [new Segment(single.File, entry, 0, entry.Count)])));
                Copy(Path.Combine(folder, FolderModel.RestFile), [rest], single.File.Metadata, options, sum, cancellationToken);
            }
        });
    }

    private static void FolderToFile(string input, string output, ConversionOptions options, Sum sum, CancellationToken cancellationToken)
    {
        using var folder = FolderModel.Open(input);
        var metadata = new Dictionary<string, string>(folder.Metadata);
        string scheduler = Path.Combine(input, "scheduler", "scheduler_config.json");
        if (File.Exists(scheduler) && DiffusersScheduler.Read(scheduler) is { Process: VariancePreservingProcess } read)
        {
            metadata[SingleFile.PredictionMetadata] = read.Prediction == PredictionType.VPrediction ? "v" : "epsilon";
        }

        Copy(output, folder.Tensors(), metadata.Count > 0 ? metadata : Format, options, sum, cancellationToken);
    }

    private static void Copy(string path, IEnumerable<TensorFile> files, IReadOnlyDictionary<string, string> metadata, ConversionOptions options, Sum sum, CancellationToken cancellationToken)
    {
        SafetensorsWriter.Copy(path, files, metadata, options.Precision, sum, cancellationToken);
        sum.Next();
    }

    /// <summary>Adds up what several files report.</summary>
    private sealed class Sum(IProgress<long>? whole) : IProgress<long>
    {
        private long _before, _now;

        public void Report(long value) => whole?.Report(_before + (_now = value));

        public void Next() => (_before, _now) = (_before + _now, 0);
    }
}
