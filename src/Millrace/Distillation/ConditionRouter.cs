using static TorchSharp.torch;

namespace Millrace.Distillation;

/// <summary>Which of several students answers for which class: consecutive classes, in parts as equal as they can be.</summary>
/// <remarks>Song et al. 2024, arXiv 2410.23274, section 4.1: consecutive parts of semantically ordered classes do as well as clusters.</remarks>
public sealed class ConditionRouter
{
    /// <summary>Lays out the parts.</summary>
    /// <param name="classes">Number of classes, at least 1.</param>
    /// <param name="students">K, in 1..classes.</param>
    /// <exception cref="ArgumentOutOfRangeException">Where there are no classes, or more students than classes.</exception>
    public ConditionRouter(int classes, int students)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 1);
        if (students < 1 || students > classes)
        {
            throw new ArgumentOutOfRangeException(nameof(students), $"Students must be in 1..{classes}, one a class at most, got {students}.");
        }

        (Classes, Students) = (classes, students);
    }

    /// <summary>Number of classes.</summary>
    public int Classes { get; }

    /// <summary>K.</summary>
    public int Students { get; }

    /// <summary>The student of a class.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Where there is no such class: no other student answers for it.</exception>
    public int StudentOf(long label) => label >= 0 && label < Classes
        ? (int)(((label * Students) + Students - 1) / Classes)
        : throw new ArgumentOutOfRangeException(nameof(label), $"A class must be in 0..{Classes - 1}, got {label}.");

    /// <summary>The classes of a student.</summary>
    public IReadOnlyList<long> ClassesOf(int student) => [.. Enumerable.Range(0, Classes).Select(label => (long)label).Where(label => StudentOf(label) == student)];

    /// <summary>Answers a batch of mixed classes, each row by its student, in the order of the rows.</summary>
    /// <param name="labels">[B], int64.</param>
    /// <param name="inputs">[B, ...]: what each row's student is given.</param>
    /// <param name="answer">(student, its inputs, their labels) to its answers, as many rows.</param>
    /// <returns>[B, ...]; the caller's to dispose.</returns>
    public Tensor Route(Tensor labels, Tensor inputs, Func<int, Tensor, Tensor, Tensor> answer)
    {
        using var scope = NewDisposeScope();
        long[] values = labels.cpu().data<long>().ToArray();
        var groups = values.Index().GroupBy(row => StudentOf(row.Item), row => (long)row.Index).ToArray();
        var answers = new List<Tensor>();
        foreach (IGrouping<int, long> group in groups)
        {
            Tensor rows = tensor([.. group], device: inputs.device);
            answers.Add(answer(group.Key, inputs.index_select(0, rows), labels.index_select(0, rows)));
        }

        Tensor order = tensor([.. groups.SelectMany(group => group)], device: inputs.device).argsort();
        return cat([.. answers], 0).index_select(0, order).MoveToOuterDisposeScope();
    }
}
