using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp;

namespace Millrace.Runtime;

/// <summary>
/// The one place where libtorch enters the process: from the folder that the environment variable LIBTORCH names, else from
/// beside the application, else from where the system's loader searches.
/// </summary>
/// <remarks>
/// Call <see cref="Load"/> before the first use of a tensor: a failure is then one clear sentence instead of the
/// <see cref="TypeInitializationException"/> of TorchSharp, whose own loader searches package caches and copies libraries.
/// </remarks>
public static class LibTorch
{
    /// <summary>The environment variable that names a libtorch folder: one that holds libtorch_cpu, or whose "lib" does.</summary>
    public const string FolderVariable = "LIBTORCH";

    /// <summary>The environment variable that accepts another version of libtorch, such as "2.11", untested with this build.</summary>
    public const string VersionVariable = "MILLRACE_LIBTORCH_VERSION";

    private static readonly Lazy<LoadedLibTorch> Loaded = new(LoadOnce);

    /// <summary>The libtorch version (major and minor) that the TorchSharp of this build was compiled against.</summary>
    public static Version RequiredVersion { get; } = new(2, 10);

    /// <summary>The folder libtorch was loaded from; null where the system's loader found it by itself.</summary>
    /// <exception cref="LibTorchLoadException">Where it does not load.</exception>
    public static string? Folder => Loaded.Value.Folder;

    /// <summary>The version of the loaded libtorch; null where it does not tell.</summary>
    /// <exception cref="LibTorchLoadException">Where it does not load.</exception>
    public static Version? Version => Loaded.Value.Version;

    /// <summary>Loads libtorch and TorchSharp's native half. Calls after the first cost nothing.</summary>
    /// <exception cref="LibTorchLoadException">Where it does not load; the same one at every call.</exception>
    public static void Load() => _ = Loaded.Value;

    private static LoadedLibTorch LoadOnce()
    {
        string? named = Environment.GetEnvironmentVariable(FolderVariable);
        string? folder = string.IsNullOrEmpty(named)
            ? NativeLibraryFolders.OfApplication().FirstOrDefault(NativeLibraryFolders.HoldLibTorch)
            : NativeLibraryFolders.Named(named);

        NativeLibraryFile.Open("c10", folder);
        nint torchCpu = NativeLibraryFile.Open("torch_cpu", folder);
        Version? version = VersionOf(torchCpu);
        if (version is not null && !Fits(version, RequiredVersion) && Environment.GetEnvironmentVariable(VersionVariable) != $"{version.Major}.{version.Minor}")
        {
            throw new LibTorchLoadException(
                NativeLibraryFile.PathOf("torch_cpu", folder),
                $"it is version {version}, and this build needs {RequiredVersion}",
                $"Install libtorch {RequiredVersion} there, or unset {FolderVariable} to use the one that comes with the application; {VersionVariable}={version.Major}.{version.Minor} loads it all the same.");
        }

        foreach (string cuda in new[] { "c10_cuda", "torch_cuda" }.Where(name => File.Exists(NativeLibraryFile.PathOf(name, folder))))
        {
            NativeLibraryFile.Open(cuda, folder);
        }

        NativeLibraryFile.Open("torch", folder);
        NativeLibraryFile.OpenWithAllSymbols("LibTorchSharp", NativeLibraryFolders.OfApplication().Prepend(folder));
        InitializeTorchSharp();
        return new LoadedLibTorch(folder, version);
    }

    private static bool Fits(Version version, Version required) => (version.Major, version.Minor) == (required.Major, required.Minor);

    /// <summary>In a method of its own, because merely compiling a use of <see cref="torch"/> may run its static constructor.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void InitializeTorchSharp()
    {
        try
        {
            torch.InitializeDeviceType(DeviceType.CPU);
        }
        catch (Exception error) when (error is TypeInitializationException or NotSupportedException or DllNotFoundException or EntryPointNotFoundException)
        {
            throw new LibTorchLoadException(
                "LibTorchSharp", "TorchSharp does not start over it", "Run \"millrace doctor\", and rebuild the application on this machine.", error);
        }
    }

    /// <summary>libtorch tells its version as major, minor and patch in the upper three bytes of a 64-bit number.</summary>
    private static Version? VersionOf(nint torchCpu)
    {
        if (!NativeLibrary.TryGetExport(torchCpu, "aoti_torch_abi_version", out nint function))
        {
            return null;
        }

        ulong packed = Marshal.GetDelegateForFunctionPointer<AbiVersion>(function)();
        return new Version((int)(packed >> 56), (int)(packed >> 48) & 0xff, (int)(packed >> 40) & 0xff);
    }

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate ulong AbiVersion();

    private sealed record LoadedLibTorch(string? Folder, Version? Version);
}
