using Millrace.Runtime;

namespace Millrace.Tests.Runtime;

public sealed class ThreadGovernorTests
{
    private const int All = 4;

    private readonly ManualTime _time = new();
    private int _threads = All;

    [Fact]
    public void A_free_machine_is_used_whole()
    {
        ThreadGovernor governor = Governor();
        Assert.Equal([All, 1, 1, .. Enumerable.Repeat(All, 50)], Calls(governor, 53, threads => threads == 1 ? 30 : 12));
    }

    [Fact]
    public void A_busy_machine_is_shared_until_it_is_free_again()
    {
        ThreadGovernor governor = Governor();
        bool busy = false;
        double Milliseconds(int threads) => threads == 1 ? 30 : busy ? 2000 : 12;
        Calls(governor, 10, Milliseconds);
        busy = true;

        // Two slow calls, a term alone, two more to see whether it has changed, a longer term.
        Assert.Equal([All, All, .. Enumerable.Repeat(1, 32), All, All, .. Enumerable.Repeat(1, 64)], Calls(governor, 100, Milliseconds));
        busy = false;
        Assert.Equal(Enumerable.Repeat(All, 200), Calls(governor, 200, Milliseconds));
        busy = true;
        Assert.Equal([All, All, .. Enumerable.Repeat(1, 32), All], Calls(governor, 35, Milliseconds));
    }

    [Fact]
    public void One_slow_call_changes_nothing()
    {
        ThreadGovernor governor = Governor();
        Calls(governor, 3, _ => 30);
        int call = 0;
        Assert.All(Calls(governor, 30, _ => call++ % 2 == 0 ? 500 : 12), threads => Assert.Equal(All, threads));
    }

    [Fact]
    public void Calls_of_other_rows_are_measured_by_themselves()
    {
        ThreadGovernor governor = Governor();
        Calls(governor, 5, threads => threads == 1 ? 30 : 12);
        Assert.Equal([All, 1, 1, All, All, All, All], Calls(governor, 7, threads => threads == 1 ? 300 : 120, rows: 16));
        Assert.Equal([All, All], Calls(governor, 2, _ => 12));
    }

    [Fact]
    public void Threads_come_back_after_every_call_and_after_a_failure()
    {
        ThreadGovernor governor = Governor();
        Calls(governor, 1, _ => 30);
        Assert.Throws<IOException>(() => governor.Run<int>(2, () => throw new IOException("the network failed")));
        Assert.Throws<IOException>(() => governor.Run<int>(1, () => throw new IOException("the network failed")));
        Assert.Equal(All, _threads);
        Calls(governor, 5, threads => threads == 1 ? 30 : 900);
        Assert.True(governor.Alone);
        Assert.Equal([1], Calls(governor, 1, _ => 30));
        Assert.Equal(All, _threads);
        Assert.Throws<IOException>(() => governor.Run<int>(1, () => throw new IOException("the network failed")));
        Assert.Equal(All, _threads);
    }

    [Fact]
    public void One_thread_stays_one_thread()
    {
        var governor = new ThreadGovernor(_time, 1, _ => Assert.Fail("nothing to change"));
        Assert.Equal(7, governor.Run(1, () => 7));
    }

    [Fact]
    public async Task Threads_of_one_thread_are_not_those_of_another()
    {
        LibTorch.Load();
        int[] seen = await Task.Factory.StartNew(
            () =>
            {
                OpenMp.SetThreads(7);
                int here = TorchSharp.torch.get_num_threads(), there = 0;
                var other = new Thread(() => there = TorchSharp.torch.get_num_threads());
                other.Start();
                other.Join();
                return new[] { here, there };
            },
            TestContext.Current.CancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);

        Assert.SkipUnless(OperatingSystem.IsLinux(), "only OpenMP of Linux counts by thread here");
        Assert.Equal(7, seen[0]);
        Assert.NotEqual(7, seen[1]);
    }

    private ThreadGovernor Governor() => new(_time, All, threads => _threads = threads);

    /// <summary>Threads that each call ran on.</summary>
    private int[] Calls(ThreadGovernor governor, int count, Func<int, double> milliseconds, long rows = 1) => [.. Enumerable.Range(0, count).Select(_ => governor.Run(rows, () =>
    {
        _time.Advance(TimeSpan.FromMilliseconds(milliseconds(_threads)));
        return _threads;
    }))];

    private sealed class ManualTime : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now;

        public void Advance(TimeSpan time) => _now += time.Ticks;
    }
}
