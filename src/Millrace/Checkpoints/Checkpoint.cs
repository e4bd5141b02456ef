using Millrace.Checkpoints.Families;
using Millrace.Checkpoints.SingleFiles;

namespace Millrace.Checkpoints;

/// <summary>A model in whatever form: a diffusers folder, or a single file of safetensors or of <c>torch.save</c>.</summary>
public static class Checkpoint
{
    /// <summary>Loads a model of any family.</summary>
    /// <param name="path">The folder or the file.</param>
    /// <param name="options">How; null means float32 on the CPU.</param>
    /// <returns>The model; the caller's to dispose.</returns>
    /// <exception cref="ArgumentException">Where an option is outside its range.</exception>
    /// <exception cref="DirectoryNotFoundException">Where there is neither a folder nor a file of this path.</exception>
    /// <exception cref="InvalidDataException">Where a file is missing or broken, or asks for what is not computed here; one sentence that names it.</exception>
    public static DiffusionModel Load(string path, LoadOptions? options = null) =>
        File.Exists(path) ? SingleFileModel.Load(path, options ?? new LoadOptions()) : DiffusersFolder.Load(path, options);

    /// <summary>A model without memory: what <see cref="Load"/> would make, its shapes alone, with every file checked but its values. For forecasts; it cannot compute.</summary>
    /// <returns>The model; the caller's to dispose.</returns>
    /// <inheritdoc cref="Load" path="/param"/>
    /// <inheritdoc cref="Load" path="/exception"/>
    public static DiffusionModel Survey(string path, LoadOptions? options = null) =>
        File.Exists(path) ? SingleFileModel.Survey(path, options ?? new LoadOptions()) : ModelFolder.Survey(path, options, PipelineClasses.Assemble);
}
