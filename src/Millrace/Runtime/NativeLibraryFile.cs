using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Millrace.Runtime;

/// <summary>Opens one native library, and turns what the system's loader says about a failure into a <see cref="LibTorchLoadException"/>.</summary>
internal static class NativeLibraryFile
{
    /// <summary>The file name of a library on this system: libc10.so, c10.dll, libc10.dylib.</summary>
    public static string NameOf(string library) =>
        OperatingSystem.IsWindows() ? $"{library}.dll" : OperatingSystem.IsMacOS() ? $"lib{library}.dylib" : $"lib{library}.so";

    /// <summary>Its path in a folder, or the bare file name where no folder is given.</summary>
    public static string PathOf(string library, string? folder) => folder is null ? NameOf(library) : Path.Combine(folder, NameOf(library));

    /// <summary>Opens a library of a folder; without one, wherever the system's loader finds it.</summary>
    /// <exception cref="LibTorchLoadException">Where it does not load.</exception>
    public static nint Open(string library, string? folder)
    {
        string path = PathOf(library, folder);
        if (folder is not null && IsCutShort(path))
        {
            throw new LibTorchLoadException(path, "the file is cut short", "Install or copy it anew.");
        }

        try
        {
            return NativeLibrary.Load(path);
        }
        catch (Exception error) when (error is DllNotFoundException or BadImageFormatException)
        {
            throw NativeLibraryDiagnosis.Explain(path, error);
        }
    }

    /// <summary>
    /// Opens a library from the first of the folders that holds it, and has the loader find all its symbols at once: found one
    /// by one, a missing symbol of another libtorch version would end the process in the middle of the work.
    /// </summary>
    /// <exception cref="LibTorchLoadException">Where it does not load, or a symbol is missing.</exception>
    public static void OpenWithAllSymbols(string library, IEnumerable<string?> folders)
    {
        string? folder = folders.FirstOrDefault(folder => folder is not null && File.Exists(PathOf(library, folder)));
        Open(library, folder);
        if (OperatingSystem.IsLinux())
        {
            const int ResolveAllNow = 2;
            _ = LoaderError();
            if (LoaderOpen(PathOf(library, folder), ResolveAllNow) == 0)
            {
                string said = Marshal.PtrToStringUTF8(LoaderError()) ?? "";
                throw NativeLibraryDiagnosis.Explain(PathOf(library, folder), new DllNotFoundException(said));
            }
        }
    }

    /// <summary>Whether an ELF file ends before its last part, the section table; to open such a file would end the process by a bus error.</summary>
    private static bool IsCutShort(string path)
    {
        var header = new byte[64];
        using FileStream file = File.OpenRead(path);
        bool isElf = file.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) == header.Length && header.AsSpan(0, 4).SequenceEqual("\u007fELF"u8);
        long sectionTable = BinaryPrimitives.ReadInt64LittleEndian(header.AsSpan(0x28));
        int tableSize = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(0x3a)) * BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(0x3c));
        return isElf && sectionTable + tableSize > file.Length;
    }

    [DllImport("libc.so.6", EntryPoint = "dlopen", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint LoaderOpen([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [DllImport("libc.so.6", EntryPoint = "dlerror")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint LoaderError();
}
