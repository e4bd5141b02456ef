using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace Millrace.Runtime;

/// <summary>Reads the messages of the systems' loaders: what is wrong, and what cures it.</summary>
internal static partial class NativeLibraryDiagnosis
{
    /// <summary>The exception for a library that failed with <paramref name="error"/>.</summary>
    public static LibTorchLoadException Explain(string path, Exception error)
    {
        (string reason, string cure) = Read(path, error.Message);
        return new LibTorchLoadException(path, reason, cure, error);
    }

    private static (string Reason, string Cure) Read(string path, string said)
    {
        if (TooOldLibrary().Match(said) is { Success: true } old)
        {
            string library = Path.GetFileName(old.Groups["library"].Value);
            return (
                $"this machine's {library} is too old, it lacks {old.Groups["version"].Value}",
                library.StartsWith("libstdc++", StringComparison.Ordinal)
                    ? "Build Millrace on this machine, which lifts the requirement, or install the libstdc++ of GCC 13 or newer (Debian 13, Ubuntu 24.04)."
                    : "Use a distribution with glibc 2.28 or newer (Debian 10, Ubuntu 20.04).");
        }

        if (UndefinedSymbol().Match(said) is { Success: true } symbol)
        {
            return (
                $"it does not fit the libtorch it was loaded with, which lacks the symbol {symbol.Groups["symbol"].Value}",
                $"Use libtorch {LibTorch.RequiredVersion}, the version this build was made for.");
        }

        if (Damaged().IsMatch(said))
        {
            return ("it is not a library of this system, or damaged", "Install or copy it anew.");
        }

        string[] missing = MissingLibrary().Matches(said).Select(match => match.Groups["library"].Value).ToArray();
        if (missing.FirstOrDefault(library => Path.GetFileName(library) != Path.GetFileName(path)) is { } needed)
        {
            return ($"the library {needed}, which it needs, is not on this machine", $"Install the package that holds {needed}.");
        }

        // Of a file for another processor glibc says that there is no such file.
        return Path.IsPathRooted(path) && File.Exists(path)
            ? ($"it is built for another processor or system than this one ({RuntimeInformation.RuntimeIdentifier})", "Use the libtorch of this processor and system.")
            : ("it was not found",
                "Add the package TorchSharp-cpu (or TorchSharp-cuda-linux, TorchSharp-cuda-windows) to the application, "
                + $"or name a libtorch {LibTorch.RequiredVersion} folder in the environment variable {LibTorch.FolderVariable}.");
    }

    [GeneratedRegex(@"(?<library>[^\s:]+): version `(?<version>[^']+)' not found")]
    private static partial Regex TooOldLibrary();

    [GeneratedRegex(@"(undefined symbol|Symbol not found): (?<symbol>\w+)")]
    private static partial Regex UndefinedSymbol();

    [GeneratedRegex("invalid ELF header|file too short|file too small|cannot read file data|slice is not valid", RegexOptions.IgnoreCase)]
    private static partial Regex Damaged();

    [GeneratedRegex(@"(?<library>[^\s:']+): cannot open shared object file")]
    private static partial Regex MissingLibrary();
}
