using System.Globalization;

namespace Millrace.Runtime;

/// <summary>Memory of the machine, or of the container that this process runs in.</summary>
/// <param name="Total">Bytes that this process may use.</param>
/// <param name="Available">Bytes that are free or can be freed at once.</param>
public readonly record struct MemoryReading(long Total, long Available)
{
    /// <summary>Reads both.</summary>
    public static MemoryReading Now()
    {
        GCMemoryInfo memory = GC.GetGCMemoryInfo();
        long total = memory.TotalAvailableMemoryBytes;
        long available = Math.Min(AvailableOnLinux() ?? total - memory.MemoryLoadBytes, ContainerMemory.Available() ?? long.MaxValue);
        return new MemoryReading(total, Math.Clamp(available, 0, total));
    }

    private static long? AvailableOnLinux()
    {
        const string MemInfo = "/proc/meminfo";
        string? line = File.Exists(MemInfo) ? File.ReadLines(MemInfo).FirstOrDefault(line => line.StartsWith("MemAvailable:", StringComparison.Ordinal)) : null;
        return line is null ? null : 1024 * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }
}
