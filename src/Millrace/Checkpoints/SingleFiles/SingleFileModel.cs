using Millrace.Checkpoints.Families;

namespace Millrace.Checkpoints.SingleFiles;

/// <summary>Loads a model from a single file: as the folder that it would be, of which all but the weights is written for the moment.</summary>
internal static class SingleFileModel
{
    /// <inheritdoc cref="Checkpoint.Load"/>
    public static DiffusionModel Load(string path, LoadOptions options) => With(path, options, (folder, weights, name) =>
        ModelFolder.Load(folder, options, PipelineClasses.Assemble, weights, name));

    /// <inheritdoc cref="Checkpoint.Survey"/>
    public static DiffusionModel Survey(string path, LoadOptions options) => With(path, options, (folder, weights, name) =>
        ModelFolder.Survey(folder, options, PipelineClasses.Assemble, weights, name));

    /// <summary>Hands on the folder that a file would be, from a part to its weights, and what to call the model.</summary>
    private static DiffusionModel With(string path, LoadOptions options, Func<string, Func<string, TensorFile?>, string, DiffusionModel> use)
    {
        using var single = SingleFile.Open(path);
        single.CheckComplete();
        if (options.TokenizerPath is null)
        {
            throw new InvalidDataException(
                $"'{path}' holds no tokenizer, as no single file does: name a folder that does with --tokenizer, a model folder of the same family or one with the tokenizer's own files.");
        }

        string folder = Directory.CreateTempSubdirectory("millrace-").FullName;
        try
        {
            single.WriteFrame(folder, options.TokenizerPath, options.Prediction);
            return use(folder, part => single.Parts.FirstOrDefault(of => of.Form.Folder == part).Tensors, Path.GetFileNameWithoutExtension(path));
        }
        catch (InvalidDataException error)
        {
            // What is wrong is wrong with the file, and the folder will be gone.
            throw new InvalidDataException(error.Message.Replace(folder, path, StringComparison.Ordinal), error);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
