using System.Text;
using System.Text.RegularExpressions;

namespace Millrace.Runtime;

/// <summary>The C++ runtime library of a Linux machine, whose age decides whether TorchSharp's native half loads.</summary>
internal static partial class CxxRuntimeLibrary
{
    private static readonly string[] Places =
    [
        "/usr/lib/x86_64-linux-gnu/libstdc++.so.6", "/usr/lib/aarch64-linux-gnu/libstdc++.so.6",
        "/usr/lib64/libstdc++.so.6", "/usr/lib/libstdc++.so.6",
    ];

    /// <summary>The newest symbol version it offers, such as GLIBCXX_3.4.30; null where there is no such library.</summary>
    public static string? NewestSymbolVersion() =>
        Places.FirstOrDefault(File.Exists) is { } path
            ? SymbolVersion().Matches(Encoding.Latin1.GetString(File.ReadAllBytes(path))).Select(match => match.Value).MaxBy(name => Version.Parse(name[8..]))
            : null;

    [GeneratedRegex(@"GLIBCXX_\d+\.\d+(\.\d+)?(?=\0)")]
    private static partial Regex SymbolVersion();
}
