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

        StreamStep Step(int group) => groups[group].StepFrom(group);
        Alpha = Column(group => Level(group, group).Alpha);
        InverseAlpha = Column(group => Level(group, group).Alpha is > 0 and var alpha ? 1 / alpha : 0);
        Sigma = Column(group => Level(group, group).Sigma);
        Skip = Column(group => Level(group, group).Skip);
        Out = Column(group => Level(group, group).Out);

        // What the groups 0..n-2 go on to; the last group leaves.
        OfX = Column(group => Step(group).OfX);
        OfSample = Column(group => Step(group).OfSample);
        OfEarlier = Column(group => Step(group).OfEarlier);
        OfNoise = Column(group => Step(group).OfNoise);
        NextAlpha = Column(group => Level(group, Math.Min(group + 1, count - 1)).Alpha);
        NextSigma = Column(group => Level(group, Math.Min(group + 1, count - 1)).Sigma);
        Timesteps = tensor([.. Enumerable.Range(0, count * framesInGroup).Select(row => (float)Level(row / framesInGroup, row / framesInGroup).Timestep)]).DetachFromDisposeScope();
    }

    /// <summary>a, [n, 1, 1, 1, 1].</summary>
    public Tensor Alpha { get; }

    /// <summary>1 / a, 0 where a is 0, [n, 1, 1, 1, 1].</summary>
    public Tensor InverseAlpha { get; }

    /// <summary>b, [n, 1, 1, 1, 1].</summary>
    public Tensor Sigma { get; }

    /// <summary>c_skip, [n, 1, 1, 1, 1].</summary>
    public Tensor Skip { get; }

    /// <summary>c_out, [n, 1, 1, 1, 1].</summary>
    public Tensor Out { get; }

    /// <summary>Share of x in the next x, [n, 1, 1, 1, 1].</summary>
    public Tensor OfX { get; }

    /// <summary>Share of the clean sample in the next x, [n, 1, 1, 1, 1].</summary>
    public Tensor OfSample { get; }

    /// <summary>Share of the clean sample of the level before in the next x, [n, 1, 1, 1, 1].</summary>
    public Tensor OfEarlier { get; }

    /// <summary>Share of the next level's noise in the next x, [n, 1, 1, 1, 1].</summary>
    public Tensor OfNoise { get; }

    /// <summary>a of the level after, [n, 1, 1, 1, 1].</summary>
    public Tensor NextAlpha { get; }

    /// <summary>b of the level after, [n, 1, 1, 1, 1].</summary>
    public Tensor NextSigma { get; }

    /// <summary>Timestep of each row, [n f].</summary>
    public Tensor Timesteps { get; }

    public bool IsFor(IReadOnlyList<StreamLevels> groups) => _groups.SequenceEqual(groups);

    public void Dispose()
    {
        foreach (Tensor constant in new[] { Alpha, InverseAlpha, Sigma, Skip, Out, OfX, OfSample, OfEarlier, OfNoise, NextAlpha, NextSigma, Timesteps })
        {
            constant.Dispose();
        }
    }
}
