using static TorchSharp.torch;

namespace Millrace.Compression.Recovery;

/// <summary>How far a student's features are from its teacher's, point by point.</summary>
public static class FeatureDistance
{
    private const double Floor = 1e-6;

    /// <summary>|f_T - f_S|^2 / |f_T|^2 for each point: what differs in scale counts alike, and no point drowns the others.</summary>
    /// <remarks>
    /// Zhang et al. 2024, arXiv 2404.11098, normalized feature distillation. The normalizer has no gradient; it is at least 1e-6 of the
    /// median over the points, so that a dead feature does not take over.
    /// </remarks>
    /// <param name="teacher">A feature for each point, of any shape.</param>
    /// <param name="student">Of the same shapes.</param>
    /// <returns>[points], under autograd of the student; the caller's to dispose.</returns>
    /// <exception cref="ArgumentException">Where a shape differs; names the point.</exception>
    public static Tensor Normalized(IReadOnlyList<Tensor> teacher, IReadOnlyList<Tensor> student)
    {
        using var scope = NewDisposeScope();
        Check(teacher, student);
        Tensor norms = stack([.. teacher.Select(feature => feature.detach().Squared().mean())]), median = norms.median();
        return (Plain(teacher, student) / maximum(norms, median.Times(Floor))).MoveToOuterDisposeScope();
    }

    /// <summary>Mean of (f_T - f_S)^2 for each point.</summary>
    /// <inheritdoc cref="Normalized" path="/param"/>
    /// <inheritdoc cref="Normalized" path="/returns"/>
    /// <inheritdoc cref="Normalized" path="/exception"/>
    public static Tensor Plain(IReadOnlyList<Tensor> teacher, IReadOnlyList<Tensor> student)
    {
        using var scope = NewDisposeScope();
        Check(teacher, student);
        return stack([.. teacher.Zip(student, (of, by) => by.Minus(of.detach()).Squared().mean())]).MoveToOuterDisposeScope();
    }

    /// <summary>Evenness of the shares that the points have in a sum: 1 where all count alike, 0 where one is all.</summary>
    /// <param name="terms">[points], at least 0, two or more.</param>
    public static double Evenness(Tensor terms)
    {
        double[] values = [.. terms.detach().to(float64).data<double>()];
        double sum = values.Sum();
        return sum <= 0 ? 1 : values.Where(value => value > 0).Sum(value => -value / sum * Math.Log(value / sum)) / Math.Log(values.Length);
    }

    private static void Check(IReadOnlyList<Tensor> teacher, IReadOnlyList<Tensor> student)
    {
        if (teacher.Count == 0 || teacher.Count != student.Count)
        {
            throw new ArgumentException($"Teacher and student must have features at the same points, at least one, got {teacher.Count} and {student.Count}.", nameof(student));
        }

        for (int point = 0; point < teacher.Count; point++)
        {
            if (!teacher[point].shape.SequenceEqual(student[point].shape))
            {
                throw new ArgumentException(
                    $"Features of teacher and student must have the same shape, at point {point} they are [{string.Join(", ", teacher[point].shape)}] and [{string.Join(", ", student[point].shape)}].", nameof(student));
            }
        }
    }
}
