using System.Globalization;
using System.Runtime.InteropServices;

namespace Millrace.Runtime;

/// <summary>How much resident memory a piece of work takes at its highest, beyond what was there before. Linux.</summary>
internal static partial class PeakMemory
{
    private const string Reset = "5"; // of proc(5), clear_refs
    private const int MapThreshold = -3; // M_MMAP_THRESHOLD of malloc.h
    private const int Large = 1 << 18;

    /// <summary>Bytes; at least one page.</summary>
    /// <exception cref="PlatformNotSupportedException">Where the system does not tell.</exception>
    public static double Of(Action work)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new PlatformNotSupportedException("Peak memory is read from /proc, which Linux alone has.");
        }

        GC.Collect();
        _ = Option(MapThreshold, Large); // large tensors come from the system and go back to it, one by one
        _ = Trim(0);
        File.WriteAllText("/proc/self/clear_refs", Reset);
        long before = Read("VmRSS");
        work();
        return Math.Max(Environment.SystemPageSize, Read("VmHWM") - before);
    }

    private static long Read(string name) => long.Parse(
        File.ReadLines("/proc/self/status").First(line => line.StartsWith(name, StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture) * 1024;

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int Option(int name, int value);

    /// <summary>Gives freed memory back to the system, so that it counts as new when it is taken again.</summary>
    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int Trim(nint keep);
}
