namespace Millrace.Tests.Support;

/// <summary>Reference data that lies beside the project on some machines and is no part of it.</summary>
internal static class SharedData
{
    /// <summary>The path of <paramref name="name"/> in the nearest folder <c>shared</c> above the test; skips the test where there is none.</summary>
    public static string Require(string name)
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string path = Path.Combine(folder.FullName, "shared", name);
            if (Path.Exists(path))
            {
                return path;
            }
        }

        Assert.Skip($"needs shared/{name}, found in no folder above {AppContext.BaseDirectory}");
        throw new System.Diagnostics.UnreachableException();
    }
}
