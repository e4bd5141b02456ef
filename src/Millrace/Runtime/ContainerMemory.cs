using System.Globalization;

namespace Millrace.Runtime;

/// <summary>
/// Memory that control groups leave to this process (Linux, both versions of the interface). The group of the process and all above
/// it count; pages of files that can be dropped at once count as free.
/// </summary>
internal static class ContainerMemory
{
    private const string Root = "/sys/fs/cgroup", Membership = "/proc/self/cgroup";

    /// <summary>Bytes that are left; null where nothing limits them.</summary>
    /// <param name="membership">The file that names the groups of this process.</param>
    /// <param name="root">Where the groups are.</param>
    public static long? Available(string membership = Membership, string root = Root)
    {
        if (!File.Exists(membership))
        {
            return null;
        }

        try
        {
            long[] left = [.. File.ReadLines(membership).Select(line => line.Split(':', 3)).Where(parts => parts.Length == 3).SelectMany(parts => Left(parts, root))];
            return left.Length > 0 ? left.Min() : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null; // A group that goes while it is read limits nothing.
        }
    }

    // hierarchy:controllers:path; version 2 has hierarchy 0 and names no controllers.
    private static IEnumerable<long> Left(string[] parts, string root)
    {
        bool second = parts[0] == "0" && parts[1].Length == 0, first = parts[1].Split(',').Contains("memory");
        string top = first ? Path.Combine(root, "memory") : root;
        for (string group = parts[2].Trim('/'); second || first; group = Path.GetDirectoryName(group) ?? "")
        {
            string folder = Path.Combine(top, group);
            long? left = second
                ? Left(folder, "memory.max", "memory.current", "inactive_file")
                : Left(folder, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file");
            if (left is { } bytes)
            {
                yield return bytes;
            }

            if (group.Length == 0)
            {
                break;
            }
        }
    }

    private static long? Left(string folder, string limitFile, string usageFile, string inactive)
    {
        string limitPath = Path.Combine(folder, limitFile), usagePath = Path.Combine(folder, usageFile), statistics = Path.Combine(folder, "memory.stat");
        if (!File.Exists(limitPath) || !File.Exists(usagePath) || Number(File.ReadAllText(limitPath)) is not { } limit || Number(File.ReadAllText(usagePath)) is not { } usage)
        {
            return null;
        }

        string? line = File.Exists(statistics) ? File.ReadLines(statistics).FirstOrDefault(line => line.StartsWith(inactive + " ", StringComparison.Ordinal)) : null;
        return Math.Max(limit - usage + (line is null ? 0 : Number(line[inactive.Length..]) ?? 0), 0);
    }

    // "max" is no limit, and version 1 writes the largest number of pages.
    private static long? Number(string text) => long.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out long number) && number < long.MaxValue / 2 ? number : null;
}
