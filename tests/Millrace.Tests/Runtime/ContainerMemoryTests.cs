using Millrace.Runtime;
using Millrace.Tests.Cli;

namespace Millrace.Tests.Runtime;

/// <summary>What control groups leave, from files like those of the kernel.</summary>
public sealed class ContainerMemoryTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Of_version_2_the_tightest_group_on_the_way_counts_and_droppable_pages_are_free()
    {
        Group("", "memory.max", "max", "memory.current", 900, "inactive_file 0");
        Group("outer", "memory.max", "1000", "memory.current", 700, "anon 5\ninactive_file 100\n");
        Group("outer/inner", "memory.max", "2000", "memory.current", 700, "inactive_file 0");

        Assert.Equal(400, Available("0::/outer/inner\n"));
        Assert.Null(Available("0::/\n"));
    }

    [Fact]
    public void Of_version_1_the_memory_controller_counts()
    {
        Group("memory/mine", "memory.limit_in_bytes", "5000", "memory.usage_in_bytes", 2000, "inactive_file 1\ntotal_inactive_file 500\n");
        Group("memory", "memory.limit_in_bytes", "9223372036854771712", "memory.usage_in_bytes", 2000, "");

        Assert.Equal(3500, Available("4:memory:/mine\n3:cpuset:/mine\n"));
        Assert.Equal(3500, Available("4:cpu,memory:/mine\n0::/\n"));
    }

    [Fact]
    public void Nothing_is_left_where_more_is_used_than_allowed()
    {
        Group("full", "memory.max", "1000", "memory.current", 1200, "");
        Assert.Equal(0, Available("0::/full\n"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("nonsense")]
    [InlineData("0::/nosuch/group")]
    public void Where_there_are_no_groups_there_is_no_limit(string membership) => Assert.Null(Available(membership));

    private void Group(string group, string limitFile, string limit, string usageFile, long usage, string statistics)
    {
        string folder = Directory.CreateDirectory(Path.Combine(_folder.Path, group)).FullName;
        File.WriteAllText(Path.Combine(folder, limitFile), limit + "\n");
        File.WriteAllText(Path.Combine(folder, usageFile), $"{usage}\n");
        File.WriteAllText(Path.Combine(folder, "memory.stat"), statistics);
    }

    private long? Available(string membership) => ContainerMemory.Available(_folder.Write("membership", membership), _folder.Path);
}
