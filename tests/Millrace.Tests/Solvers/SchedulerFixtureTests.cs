using Millrace.Evaluation.Verification;
using Millrace.Tests.Support;

namespace Millrace.Tests.Solvers;

public sealed class SchedulerFixtureTests
{
    [Theory]
    [InlineData("golden/schedulers", 22)]
    [InlineData("golden/transformers-0.30/schedulers", 8)]
    public void Every_recorded_schedule_is_reproduced(string folder, int cases)
    {
        VerificationResult[] results = [.. FixtureVerification.Run(SharedData.Require(folder), tolerance: 1e-5)];

        Assert.Equal(cases, results.Length);
        Assert.All(results, result => Assert.Equal(VerificationStatus.Passed, result.Status));
    }
}
