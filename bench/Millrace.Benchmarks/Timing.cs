using System.Diagnostics;

namespace Millrace.Benchmarks;

/// <summary>Medians after warm-up.</summary>
internal static class Timing
{
    /// <summary>Median milliseconds of a call.</summary>
    public static double MedianMilliseconds(Action call, int repeats, int warmUp = 2)
    {
        for (int repeat = 0; repeat < warmUp; repeat++)
        {
            call();
        }

        return Median([.. Enumerable.Range(0, repeats).Select(_ => Milliseconds(call))]);
    }

    /// <summary>Median milliseconds of several calls that take turns, so that a disturbance meets all of them.</summary>
    public static double[] MedianMillisecondsInTurn(int repeats, params Action[] calls)
    {
        Array.ForEach(calls, call => call());
        var samples = new double[calls.Length][];
        for (int call = 0; call < calls.Length; call++)
        {
            samples[call] = new double[repeats];
        }

        for (int repeat = 0; repeat < repeats; repeat++)
        {
            for (int call = 0; call < calls.Length; call++)
            {
                samples[call][repeat] = Milliseconds(calls[call]);
            }
        }

        return [.. samples.Select(Median)];
    }

    public static double Median(double[] samples)
    {
        double[] ordered = [.. samples.Order()];
        return (ordered[(ordered.Length - 1) / 2] + ordered[ordered.Length / 2]) / 2;
    }

    private static double Milliseconds(Action call)
    {
        long start = Stopwatch.GetTimestamp();
        call();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }
}
