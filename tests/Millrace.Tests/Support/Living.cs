using TorchSharp;

namespace Millrace.Tests.Support;

/// <summary>Counts living tensors.</summary>
internal static class Living
{
    // Per thread: tests on other threads create and dispose tensors meanwhile.
    private static long Count => DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;

    /// <summary>Asserts that 50 calls, after a first one, leave as many tensors alive on this thread as there were before.</summary>
    public static void StaysConstant(Action call)
    {
        call();
        long before = Count;
        for (int repeat = 0; repeat < 50; repeat++)
        {
            call();
        }

        Assert.Equal(before, Count);
    }
}
