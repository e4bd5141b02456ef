namespace Millrace.Recipes;

/// <summary>The models that come with the project, for recipes that work on a trained one.</summary>
internal static class ShippedModels
{
    /// <summary>The folder of a model or a judge, in the nearest folder <c>models</c> above the program.</summary>
    /// <exception cref="DirectoryNotFoundException">Where there is none.</exception>
    public static string Find(string name)
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string path = Path.Combine(folder.FullName, "models", name);
            if (Directory.Exists(path))
            {
                return path;
            }
        }

        throw new DirectoryNotFoundException($"There is no folder models/{name} above {AppContext.BaseDirectory}.");
    }
}
