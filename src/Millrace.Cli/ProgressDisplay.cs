using Spectre.Console;

namespace Millrace.Cli;

/// <summary>Shows how far a command has come: a bar on a terminal, else a plain line every few seconds.</summary>
internal static class ProgressDisplay
{
    private static readonly TimeSpan PlainInterval = TimeSpan.FromSeconds(5);

    /// <summary>Runs <paramref name="work"/>, which reports the number of items done.</summary>
    /// <param name="terminal">Where to show it.</param>
    /// <param name="items">What is counted, such as "frames".</param>
    /// <param name="total">How many there will be; null where nobody knows.</param>
    /// <param name="time">The clock of the plain lines.</param>
    /// <param name="work">The work.</param>
    public static Task<T> RunAsync<T>(Terminal terminal, string items, long? total, TimeProvider time, Func<IProgress<long>, Task<T>> work) =>
        terminal.Interactive ? RunWithBarAsync(terminal, items, total, work) : work(new PlainLines(terminal, items, total, time));

    private static Task<T> RunWithBarAsync<T>(Terminal terminal, string items, long? total, Func<IProgress<long>, Task<T>> work) =>
        terminal.Screen().Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn(), new SpinnerColumn())
            .StartAsync(context =>
            {
                ProgressTask task = context.AddTask($"0 {items}", maxValue: total ?? 1);
                task.IsIndeterminate = total is null;
                return work(new Bar(task, items, total));
            });

    private static string Describe(long done, string items, long? total) => total is { } count ? $"{done} of {count} {items}" : $"{done} {items}";

    private sealed class Bar(ProgressTask task, string items, long? total) : IProgress<long>
    {
        public void Report(long value)
        {
            task.Description = Describe(value, items, total);
            task.Value = total is null ? 0 : value;
        }
    }

    private sealed class PlainLines(Terminal terminal, string items, long? total, TimeProvider time) : IProgress<long>
    {
        private readonly long _start = time.GetTimestamp();
        private TimeSpan _next = PlainInterval;

        public void Report(long value)
        {
            TimeSpan elapsed = time.GetElapsedTime(_start);
            if (elapsed >= _next)
            {
                _next = elapsed + PlainInterval;
                terminal.Note($"{Describe(value, items, total)} after {elapsed.TotalSeconds:0} s");
            }
        }
    }
}
