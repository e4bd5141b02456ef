using Millrace.Models.Autoencoders;
using Millrace.Training.Data;
using static TorchSharp.torch;

namespace Millrace.Training.Pictures;

/// <summary>
/// Trains a model of one's own pictures: first an autoencoder, then a denoiser in its latents. The result is a model folder; its
/// sub-folder <c>training</c> holds settings, logs, loss plots and checkpoints, from which an ended run goes on to the same numbers.
/// </summary>
public sealed class PictureTraining : IDisposable
{
    private const string Checkpoints = "training", Settings = "settings.json";

    private readonly string _folder;

    private PictureTraining(PictureSet pictures, PictureTrainingOptions options, string folder)
    {
        (Pictures, Options, _folder) = (pictures, options, folder);
        Classes = options.Condition == PictureCondition.Class ? [.. PictureClasses.Of(pictures).Distinct().Order(StringComparer.Ordinal)] : [];
    }

    /// <summary>What it learns from.</summary>
    public PictureSet Pictures { get; }

    /// <summary>How; the condition is settled.</summary>
    public PictureTrainingOptions Options { get; }

    /// <summary>Names of the classes, sorted; empty where the model is not asked with classes.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>Folder of settings, logs, plots and checkpoints.</summary>
    public string RunFolder => Path.Combine(_folder, Checkpoints);

    /// <summary>Prepares a new run.</summary>
    /// <param name="data">A folder, a tar archive or an IDX file of pictures; see <see cref="PictureSet.Load"/>.</param>
    /// <param name="folder">Of the model; made where it is not there, must be empty where it is.</param>
    /// <param name="options">How.</param>
    /// <param name="progress">Told the number of pictures read.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <exception cref="ArgumentException">Where an option is outside its range, or the folder holds something.</exception>
    /// <exception cref="InvalidDataException">Where there is no readable picture, or no caption where text is asked for, or no class where classes are.</exception>
    public static PictureTraining Begin(string data, string folder, PictureTrainingOptions options, IProgress<long>? progress = null, CancellationToken cancellation = default)
    {
        options.Validate();
        if (File.Exists(SettingsOf(folder)))
        {
            throw new ArgumentException($"'{folder}' holds a run already: resume it, or choose another folder.", nameof(folder));
        }

        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
        {
            throw new ArgumentException($"'{folder}' is not empty: choose another folder for the model.", nameof(folder));
        }

        PictureSet set = PictureSet.Load(data, new PictureSetOptions(options.Size, options.Size), progress, cancellation);
        try
        {
            bool captioned = set.Captions.Any(caption => caption.Length > 0);
            PictureTrainingOptions settled = options with { Condition = options.Condition ?? (captioned ? PictureCondition.Text : PictureCondition.None) };
            if (settled.Condition == PictureCondition.Text && !captioned)
            {
                throw new InvalidDataException($"'{data}' holds no captions: a text file of each picture's name, captions.tsv or captions.jsonl would hold them.");
            }

            var training = new PictureTraining(set, settled, folder);
            Directory.CreateDirectory(training.RunFolder);
            PictureRun.Of(data, set, settled).Write(SettingsOf(folder));
            return training;
        }
        catch
        {
            set.Dispose();
            throw;
        }
    }

    /// <summary>Prepares to go on with a run.</summary>
    /// <param name="folder">Of the model.</param>
    /// <param name="steps">Steps of the denoiser in all, where they shall be others than at the beginning; null for those.</param>
    /// <param name="progress">Told the number of pictures read.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <exception cref="DirectoryNotFoundException">Where the folder holds no run.</exception>
    /// <exception cref="InvalidDataException">Where the pictures are not those that the run began with.</exception>
    public static PictureTraining Resume(string folder, long? steps = null, IProgress<long>? progress = null, CancellationToken cancellation = default)
    {
        if (!File.Exists(SettingsOf(folder)))
        {
            throw new DirectoryNotFoundException($"'{folder}' holds no run to resume: it lacks {Path.Combine(Checkpoints, Settings)}.");
        }

        PictureRun run = PictureRun.Read(SettingsOf(folder));
        PictureTrainingOptions options = run.Options with { Steps = steps ?? run.Options.Steps };
        options.Validate();
        PictureSet set = PictureSet.Load(run.Data, new PictureSetOptions(options.Size, options.Size), progress, cancellation);
        if (PictureRun.Of(run.Data, set, run.Options) != run)
        {
            int found = set.Names.Count;
            set.Dispose();
            throw new InvalidDataException($"The pictures in '{run.Data}' are not those that the run began with ({found} now, {run.Pictures} then): begin a new one in another folder.");
        }

        (run with { Options = options }).Write(SettingsOf(folder));
        return new PictureTraining(set, options, folder);
    }

    /// <summary>Trains to the last step, or until cancelled; either way everything is saved at the end.</summary>
    /// <param name="device">Where; null means the CPU.</param>
    /// <param name="preview">Called with the step when the model folder holds what the denoiser has learned so far.</param>
    /// <param name="progress">Told at every entry of a log.</param>
    /// <param name="cancellation">Ends the run after the step in hand.</param>
    /// <returns>Whether the last step was reached.</returns>
    /// <exception cref="DivergedException">Where a loss stops being a number.</exception>
    /// <exception cref="IOException">Where a file cannot be written; the former checkpoint is left as it is.</exception>
    public bool Run(Device? device = null, Action<long>? preview = null, IProgress<PictureTrainingProgress>? progress = null, CancellationToken cancellation = default)
    {
        device ??= CPU;
        using var batches = new PictureBatches(Pictures, Options, device);
        using AutoencoderTiny? autoencoder = AutoencoderStage.Train(
            Pictures, batches, Options, Path.Combine(RunFolder, "autoencoder"), device, Stage("autoencoder", progress), cancellation);
        return autoencoder is not null && DenoiserStage.Train(
            Pictures, batches, autoencoder, Options, _folder, Path.Combine(RunFolder, "denoiser"), device, preview, Stage("denoiser", progress), cancellation);
    }

    /// <inheritdoc/>
    public void Dispose() => Pictures.Dispose();

    private static string SettingsOf(string folder) => Path.Combine(folder, Checkpoints, Settings);

    private static StageProgress? Stage(string stage, IProgress<PictureTrainingProgress>? progress) => progress is null ? null : new StageProgress(stage, progress);

    private sealed class StageProgress(string stage, IProgress<PictureTrainingProgress> progress) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => progress.Report(new PictureTrainingProgress(stage, value));
    }
}
