using Millrace.Solvers;
using static TorchSharp.torch;

namespace Millrace.Streaming;

/// <summary>The constants of one tick as tensors: group i holds the frames at level i, each after the levels of its own.</summary>
/// <remarks>Computed in double precision and kept until the composition of the batch changes.</remarks>
internal sealed class LevelConstants : IDisposable
{
    private readonly IReadOnlyList<StreamLevels> _groups;

    public LevelConstants(IReadOnlyList<StreamLevels> groups, int framesInGroup)
    {
        _groups = groups;
        int count = groups.Count;
        Tensor Column(Func<int, double> value) => tensor([.. Enumerable.Range(0, count).Select(group => (float)value(group))], [count, 1, 1, 1, 1]).DetachFromDisposeScope();
        ConsistencyLevel Level(int group, int level) => groups[group].Levels[level];

        Alpha = Column(group => Level(group, group).Alpha);
        Sigma = Column(group => Level(group, group).Sigma);
        Skip = Column(group => Level(group, group).Skip);
        Out = Column(group => Level(group, group).Out);

        // What the x_0 of groups 0..n-2 is noised to next; the last group leaves.
        NextAlpha = Column(group => Level(group, Math.Min(group + 1, count - 1)).Alpha);
        NextSigma = Column(group => Level(group, Math.Min(group + 1, count - 1)).Sigma);
        Timesteps = tensor([.. Enumerable.Range(0, count * framesInGroup).Select(row => (float)Level(row / framesInGroup, row / framesInGroup).Timestep)]).DetachFromDisposeScope();
    }

    /// <summary>a, [n, 1, 1, 1, 1].</summary>
    public Tensor Alpha { get; }

    /// <summary>b, [n, 1, 1, 1, 1].</summary>
    public Tensor Sigma { get; }

    /// <summary>c_skip, [n, 1, 1, 1, 1].</summary>
    public Tensor Skip { get; }

    /// <summary>c_out, [n, 1, 1, 1, 1].</summary>
    public Tensor Out { get; }

    /// <summary>a of the level after, [n, 1, 1, 1, 1].</summary>
    public Tensor NextAlpha { get; }

    /// <summary>b of the level after, [n, 1, 1, 1, 1].</summary>
    public Tensor NextSigma { get; }

    /// <summary>Timestep of each row, [n f].</summary>
    public Tensor Timesteps { get; }

    public bool IsFor(IReadOnlyList<StreamLevels> groups) => _groups.SequenceEqual(groups);

    public void Dispose()
    {
        foreach (Tensor constant in new[] { Alpha, Sigma, Skip, Out, NextAlpha, NextSigma, Timesteps })
        {
            constant.Dispose();
        }
    }
}
