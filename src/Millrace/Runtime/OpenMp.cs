using System.Runtime.InteropServices;
using TorchSharp;

namespace Millrace.Runtime;

/// <summary>The GNU OpenMP library on which libtorch runs its operators, where there is one (Linux).</summary>
internal static unsafe class OpenMp
{
    private const int Hard = 2; // omp_pause_hard of omp.h

    private static readonly nint Library = Find("/libgomp");
    private static readonly delegate* unmanaged<int, int> PauseAll = (delegate* unmanaged<int, int>)Export("omp_pause_resource_all");
    private static readonly delegate* unmanaged<int, void> SetOwnThreads = (delegate* unmanaged<int, void>)Export("omp_set_num_threads");
    private static readonly delegate* unmanaged<int, int> SetOwnMatrixThreads = (delegate* unmanaged<int, int>)Export(Find("/libtorch_cpu."), "MKL_Set_Num_Threads_Local");

    /// <summary>GOMP_parallel (function, its argument, threads, flags); null where there is none.</summary>
    public static readonly delegate* unmanaged<delegate* unmanaged<void*, void>, void*, uint, uint, void> Parallel =
        (delegate* unmanaged<delegate* unmanaged<void*, void>, void*, uint, uint, void>)Export("GOMP_parallel");

    /// <summary>
    /// Sets how many threads the operators of the calling thread run on, and of no other: <c>torch.set_num_threads</c>, which is used
    /// where OpenMP cannot be reached, also sets what every thread starts with that calls libtorch later.
    /// </summary>
    public static void SetThreads(int count)
    {
        if (SetOwnThreads == null)
        {
            torch.set_num_threads(count);
            return;
        }

        SetOwnThreads(count);
        if (SetOwnMatrixThreads != null)
        {
            _ = SetOwnMatrixThreads(count);
        }
    }

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

    private static nint Export(string name) => Export(Library, name);

    private static nint Export(nint library, string name) => library != 0 && NativeLibrary.TryGetExport(library, name, out nint export) ? export : 0;

    /// <summary>The very library that libtorch has loaded, whatever its file is called (wheels and packages rename it).</summary>
    private static nint Find(string name)
    {
        if (!OperatingSystem.IsLinux())
        {
            return 0;
        }

        string? path = File.ReadLines("/proc/self/maps")
            .Select(line => line.LastIndexOf('/') is int slash and >= 0 && line[slash..].StartsWith(name, StringComparison.Ordinal) ? line[line.IndexOf('/')..] : null)
            .FirstOrDefault(found => found is not null);
        return path is not null && NativeLibrary.TryLoad(path, out nint library) ? library : 0;
    }
}
