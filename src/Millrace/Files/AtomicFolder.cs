namespace Millrace.Files;

/// <summary>Folders that are whole or absent.</summary>
internal static class AtomicFolder
{
    /// <summary>Writes a folder of a temporary name beside <paramref name="path"/> and moves it into place; on failure nothing of it is left.</summary>
    public static void Write(string path, Action<string> write)
    {
        string target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)), temporary = target + ".partial";
        try
        {
            Remove(temporary);
            Directory.CreateDirectory(temporary);
            write(temporary);
            Directory.Move(temporary, target);
        }
        catch
        {
            Remove(temporary);
            throw;
        }
    }

    private static void Remove(string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
