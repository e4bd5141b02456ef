using Millrace.Evaluation;

namespace Millrace.Tests.Evaluation;

public sealed class RankCorrelationTests
{
    [Fact]
    public void Ranks_and_nothing_else_count()
    {
        Assert.Equal(1, RankCorrelation.Spearman([1, 2, 30], [-5, 0, 0.1]), 1e-12);
        Assert.Equal(-1, RankCorrelation.Spearman([1, 2, 3, 4], [9, 7, 5, 1]), 1e-12);
        Assert.Equal(0, RankCorrelation.Spearman([1, 2, 3], [4, 4, 4]), 1e-12);

        // Ties share the mean of their ranks: ranks 0.5, 0.5, 2, 3 beside 0, 1, 2, 3.
        Assert.Equal(4.5 / Math.Sqrt(4.5 * 5), RankCorrelation.Spearman([1, 1, 2, 3], [1, 2, 3, 4]), 1e-12);
        Assert.Throws<ArgumentException>("second", () => RankCorrelation.Spearman([1, 2], [1]));
        Assert.Throws<ArgumentException>("second", () => RankCorrelation.Spearman([1, double.NaN], [1, 2]));
    }
}
