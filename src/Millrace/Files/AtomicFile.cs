namespace Millrace.Files;

/// <summary>Files that are whole or absent.</summary>
internal static class AtomicFile
{
    /// <summary>Writes to a temporary name beside <paramref name="path"/> and moves it into place; on failure the temporary file is removed.</summary>
    public static void Write(string path, Action<Stream> write)
    {
        string temporary = path + ".partial";
        try
        {
            using (FileStream stream = File.Create(temporary))
            {
                write(stream);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }
}
