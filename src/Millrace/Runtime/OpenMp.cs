using System.Runtime.InteropServices;

namespace Millrace.Runtime;

/// <summary>The GNU OpenMP library on which libtorch runs its operators, where there is one (Linux).</summary>
internal static unsafe class OpenMp
{
    private const int Hard = 2; // omp_pause_hard of omp.h

    private static readonly nint Library = Find();
    private static readonly delegate* unmanaged<int, int> PauseAll = (delegate* unmanaged<int, int>)Export("omp_pause_resource_all");

    /// <summary>GOMP_parallel (function, its argument, threads, flags); null where there is none.</summary>
    public static readonly delegate* unmanaged<delegate* unmanaged<void*, void>, void*, uint, uint, void> Parallel =
        (delegate* unmanaged<delegate* unmanaged<void*, void>, void*, uint, uint, void>)Export("GOMP_parallel");

    /// <summary>
    /// Ends the workers that OpenMP keeps for the calling thread; they come back with its next operator. Every thread that has
    /// ever called libtorch keeps its own, and as soon as there are more of all threads than cores, none waits awake for the
    /// next operator any more: a small network is then several times as slow.
    /// </summary>
    public static void EndWorkers()
    {
        if (PauseAll != null)
        {
            _ = PauseAll(Hard);
        }
    }

    private static nint Export(string name) => Library != 0 && NativeLibrary.TryGetExport(Library, name, out nint export) ? export : 0;

    /// <summary>The very library that libtorch has loaded, whatever its file is called (wheels and packages rename it).</summary>
    private static nint Find()
    {
        if (!OperatingSystem.IsLinux())
        {
            return 0;
        }

        string? path = File.ReadLines("/proc/self/maps")
            .Select(line => line.LastIndexOf('/') is int slash and >= 0 && line[slash..].StartsWith("/libgomp", StringComparison.Ordinal) ? line[line.IndexOf('/')..] : null)
            .FirstOrDefault(found => found is not null);
        return path is not null && NativeLibrary.TryLoad(path, out nint library) ? library : 0;
    }
}
