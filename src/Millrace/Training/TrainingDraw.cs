using static TorchSharp.torch;

namespace Millrace.Training;

/// <summary>What a loss is told of the batch it is to draw, and what it may tell of it.</summary>
/// <param name="Step">Steps done so far.</param>
/// <param name="Seed">Seed of this batch: all its randomness.</param>
public sealed record TrainingDraw(long Step, long Seed)
{
    private readonly List<(string Name, Tensor Value)> _terms = [];

    /// <summary>Names of the batch's samples, for the message where its loss is not a number.</summary>
    public IReadOnlyList<string> Samples { get; set; } = [];

    /// <summary>Logs a part of the loss, or anything beside it, under a name. The loss itself must hold it already.</summary>
    /// <param name="name">The name in the log.</param>
    /// <param name="value">A scalar.</param>
    public void Record(string name, Tensor value) => _terms.Add((name, value.detach().DetachFromDisposeScope()));

    /// <summary>What was recorded; the tensors are the caller's to dispose from then on.</summary>
    internal IReadOnlyList<(string Name, Tensor Value)> Take()
    {
        (string, Tensor)[] terms = [.. _terms];
        _terms.Clear();
        return terms;
    }
}
