using static TorchSharp.torch;

namespace Millrace.Compression.Recovery;

/// <summary>How far two networks are apart in what a frozen network sees in their clean samples.</summary>
/// <remarks>Reconstructed from the abstract of arXiv 2312.15516 (semantic-aware supervision), which gives no formula.</remarks>
public static class SemanticDistance
{
    /// <summary>Mean over the rows of w (1 - cos(p, q)): 0, and without gradient, where both are alike; the lengths of p and q do not matter.</summary>
    /// <param name="student">p, features of the student's clean samples, [B, width].</param>
    /// <param name="teacher">q, of the teacher's, [B, width]; gets no gradient.</param>
    /// <param name="weights">w, [B]: how much of the signal is left in x, so that guesses from noise count for little.</param>
    /// <returns>A scalar under autograd of <paramref name="student"/>; the caller's to dispose.</returns>
    public static Tensor Of(Tensor student, Tensor teacher, Tensor weights)
    {
        using var scope = NewDisposeScope();
        Tensor similarity = nn.functional.cosine_similarity(student, teacher.detach(), dim: 1);
        return (weights * similarity.TakenFrom(1)).mean().MoveToOuterDisposeScope();
    }
}
