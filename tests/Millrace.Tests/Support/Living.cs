using TorchSharp;

namespace Millrace.Tests.Support;

/// <summary>Counts living tensors.</summary>
internal static class Living
{
    // Per thread: tests on other threads create and dispose tensors meanwhile.
    private static long Count => DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;

    /// <summary>Asserts that some calls, after a first one, leave as many tensors alive on this thread as there were before.</summary>
    public static void StaysConstant(Action call, int repeats = 50)
    {
        call();
        long before = Count;
        for (int repeat = 0; repeat < repeats; repeat++)
        {
            call();
        }

        Assert.Equal(before, Count);
    }
}
