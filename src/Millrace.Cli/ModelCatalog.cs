using Millrace.Evaluation;

namespace Millrace.Cli;

/// <summary>
/// Finds models by name: folders with a <c>unet/config.json</c> or <c>transformer/config.json</c> below the folder that the environment variable MILLRACE_MODELS
/// names, below <c>models</c> beside the program, and below the <c>models</c> of the source tree that the program was built in.
/// </summary>
internal static class ModelCatalog
{
    public const string FolderVariable = "MILLRACE_MODELS";
    public const string DefaultModel = "emoji";
    private static readonly string[] NetworkFiles = [Path.Combine("unet", "config.json"), Path.Combine("transformer", "config.json")];

    /// <summary>All models found, the first of each name.</summary>
    public static IReadOnlyList<string> All() =>
        [.. Roots().Where(Directory.Exists).SelectMany(Directory.GetDirectories).Where(IsModel).DistinctBy(Path.GetFileName).OrderBy(Path.GetFileName, StringComparer.Ordinal)];

    /// <summary>The folder or the single file of a model, given as a path or a name.</summary>
    /// <exception cref="DirectoryNotFoundException">Where there is none.</exception>
    public static string Find(string pathOrName)
    {
        if (File.Exists(pathOrName))
        {
            return pathOrName;
        }

        if (Directory.Exists(pathOrName))
        {
            return IsModel(pathOrName)
                ? pathOrName
                : throw new InvalidDataException($"{Path.GetFullPath(pathOrName)}: not a model folder, it has neither {string.Join(" nor ", NetworkFiles)}.");
        }

        return All().FirstOrDefault(folder => Path.GetFileName(folder) == pathOrName)
            ?? throw new DirectoryNotFoundException(
                $"There is no model \"{pathOrName}\": neither a folder nor a file of that path, nor a model of that name (see \"millrace models\"; the variable {FolderVariable} names a folder to search).");
    }

    /// <summary>Whether a model, given as a path or a name, takes no prompt.</summary>
    public static bool IsUnconditional(string pathOrName)
    {
        string config = Path.Combine(Find(pathOrName), NetworkFiles[0]);
        return File.Exists(config) && File.ReadAllText(config).Contains("\"UNet2DModel\"", StringComparison.Ordinal);
    }

    /// <summary>The folder of a judge of pictures, given as a path or as the name of one beside the models.</summary>
    /// <exception cref="DirectoryNotFoundException">Where there is none.</exception>
    public static string FindJudge(string pathOrName) =>
        Roots().Select(root => Path.Combine(root, pathOrName)).Prepend(pathOrName).FirstOrDefault(folder => File.Exists(Path.Combine(folder, PictureJudge.LabelsFile)))
        ?? throw new DirectoryNotFoundException($"There is no judge \"{pathOrName}\": no folder of that path or name with a {PictureJudge.LabelsFile}.");

    private static bool IsModel(string folder) => NetworkFiles.Any(file => File.Exists(Path.Combine(folder, file)));

    private static IEnumerable<string> Roots()
    {
        if (Environment.GetEnvironmentVariable(FolderVariable) is { Length: > 0 } named)
        {
            yield return named;
        }

        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            yield return Path.Combine(folder.FullName, "models");
        }
    }
}
