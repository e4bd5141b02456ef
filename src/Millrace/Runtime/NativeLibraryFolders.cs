using System.Runtime.InteropServices;

namespace Millrace.Runtime;

/// <summary>Where native libraries are looked for.</summary>
internal static class NativeLibraryFolders
{
    /// <summary>The folders of the running application, in the order in which the runtime searches them.</summary>
    public static IEnumerable<string> OfApplication() =>
        ((AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string) ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Append(AppContext.BaseDirectory)
            .Append(Path.Combine(AppContext.BaseDirectory, "runtimes", RuntimeInformation.RuntimeIdentifier, "native"))
            .Distinct();

    /// <summary>Whether libtorch's main library lies in the folder.</summary>
    public static bool HoldLibTorch(string folder) => File.Exists(NativeLibraryFile.PathOf("torch_cpu", folder));

    /// <summary>The folder that a user named, or its "lib", as in the archives that libtorch comes in.</summary>
    /// <exception cref="LibTorchLoadException">Where neither holds libtorch.</exception>
    public static string Named(string folder)
    {
        string full = Path.GetFullPath(folder);
        return new[] { full, Path.Combine(full, "lib") }.FirstOrDefault(HoldLibTorch)
            ?? throw new LibTorchLoadException(
                full,
                $"the environment variable {LibTorch.FolderVariable} names this folder, and there is no {NativeLibraryFile.NameOf("torch_cpu")} in it or in its \"lib\"",
                $"Name the folder that holds {NativeLibraryFile.NameOf("torch_cpu")}, or unset the variable to use the one that comes with the application.");
    }
}
