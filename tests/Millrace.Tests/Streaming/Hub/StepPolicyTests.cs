using Millrace.Streaming.Hub;

namespace Millrace.Tests.Streaming.Hub;

public sealed class StepPolicyTests
{
    private static readonly TimeSpan Target = TimeSpan.FromMilliseconds(100);

    [Fact]
    public void Steps_go_one_by_one_while_the_latency_is_over_its_target_down_to_one()
    {
        var policy = new StepPolicy(Target);
        Assert.Equal([4, 3, 2, 1, 1, 1], Enumerable.Range(0, 6).Select(_ => Window(policy, 150, 4)));
    }

    [Fact]
    public void A_step_comes_back_only_where_it_will_fit()
    {
        var policy = new StepPolicy(Target);
        Window(policy, 150, 2);
        Assert.All(Enumerable.Range(0, 20), _ => Assert.Equal(1, Window(policy, 40, 2))); // two steps would take 80
        Assert.Equal([1, 1, 1, 1, 2, 2], Enumerable.Range(0, 6).Select(_ => Window(policy, 30, 2)));
    }

    [Fact]
    public void One_slow_frame_changes_nothing()
    {
        var policy = new StepPolicy(Target);
        Assert.False(policy.Observe(TimeSpan.FromMilliseconds(500), 4));
        Assert.All(Enumerable.Range(0, 11), _ => Assert.False(policy.Observe(TimeSpan.FromMilliseconds(20), 4)));
        Assert.Equal(0, policy.Reduction);
    }

    [Fact]
    public void The_first_step_stays_and_the_rest_spread()
    {
        var policy = new StepPolicy(Target);
        IReadOnlyList<int> asked = [4, 16, 28, 40];
        Assert.Equal(asked, policy.Choose(asked));
        Window(policy, 150, 4);
        Assert.Equal([4, 16, 28], policy.Choose(asked));
        Window(policy, 150, 4);
        Assert.Equal([4, 28], policy.Choose(asked));
        Window(policy, 150, 4);
        Assert.Equal([4], policy.Choose(asked));
    }

    [Fact]
    public void A_target_must_be_above_zero() => Assert.Throws<ArgumentOutOfRangeException>(() => new StepPolicy(TimeSpan.Zero));

    /// <summary>Steps in force before a window of frames with one latency.</summary>
    private static int Window(StepPolicy policy, double milliseconds, int asked)
    {
        int steps = policy.Choose([.. Enumerable.Range(0, asked)]).Count;
        for (int frame = 0; frame < 12; frame++)
        {
            policy.Observe(TimeSpan.FromMilliseconds(milliseconds), asked);
        }

        return steps;
    }
}
