using Millrace.Evaluation;
using Millrace.Recipes.Emoji.Compositions;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Recipes.Emoji;

/// <summary>
/// Whether a model draws combinations that it has not met: held-out compositions are asked for, and what is drawn is held against the
/// compositions of the same thing with every other word of the kind (the other colours, the other expressions).
/// </summary>
internal sealed class CompositionQuestions : IDisposable
{
    private readonly Composition[] _asked;
    private readonly string[] _subgroups;
    private readonly Tensor[] _alternatives; // of each, [words, 3, side / 2, side / 2]; the one asked for first

    /// <summary>Chooses the questions, spread over all that are held out.</summary>
    /// <param name="set">The pictures.</param>
    /// <param name="count">How many.</param>
    public CompositionQuestions(EmojiSet set, int count)
    {
        IReadOnlyList<Composition> all = CompositionBook.Of(set);
        Composition[] held = [.. all.Where(composition => composition.IsHeldOut)];
        count = Math.Min(count, held.Length);
        _asked = [.. Enumerable.Range(0, count).Select(index => held[(int)((long)index * held.Length / count)])];
        _subgroups = [.. _asked.Select(composition => set.Pictures[composition.Row].Subgroup)];
        ILookup<(int, bool), Composition> words = all.ToLookup(composition => (composition.Row, composition.IsColour));
        Reference = Pictures(_asked);
        _alternatives = [.. _asked.Select(asked => Coarse(Pictures([asked, .. words[(asked.Row, asked.IsColour)].Where(other => other.Word != asked.Word)])))];
    }

    /// <summary>What is asked for.</summary>
    public IReadOnlyList<string> Prompts => [.. _asked.Select(asked => asked.Prompt)];

    /// <summary>The held-out compositions themselves, [N, 3, side, side] in [-1, 1].</summary>
    public Tensor Reference { get; }

    /// <summary>How many pictures lie nearest, in squared distance at half the size, to the composition with the word that was asked for.</summary>
    /// <param name="images">[N, 3, side, side] in [-1, 1], in the order of the prompts.</param>
    public Proportion Word(Tensor images)
    {
        using var scope = NewDisposeScope();
        Tensor coarse = Coarse(images);
        int right = Enumerable.Range(0, _asked.Length).Count(index =>
            _alternatives[index].Minus(coarse.narrow(0, index, 1)).Squared().flatten(1).mean([1]).argmin().item<long>() == 0);
        return new Proportion(right, _asked.Length);
    }

    /// <summary>How many pictures the judge takes for the subgroup of the thing, whatever its word.</summary>
    /// <param name="images">[N, 3, side, side] in [-1, 1], in the order of the prompts.</param>
    /// <param name="judge">The judge, which has seen no composition.</param>
    public Proportion Thing(Tensor images, PictureJudge judge) => judge.Agreement(images, _subgroups);

    /// <inheritdoc/>
    public void Dispose()
    {
        Reference.Dispose();
        foreach (Tensor alternatives in _alternatives)
        {
            alternatives.Dispose();
        }
    }

    private static Tensor Coarse(Tensor images) => functional.avg_pool2d(images, 2);

    private static Tensor Pictures(Composition[] compositions)
    {
        int side = EmojiShapes.Side, bytes = 3 * side * side;
        using Tensor pixels = tensor(compositions.SelectMany(composition => composition.Pixels.Take(bytes)).ToArray(), [compositions.Length, 3, side, side], dtype: uint8);
        using Tensor numbers = pixels.to(float32);
        using Tensor scaled = numbers.Times(1.0 / 127.5);
        return scaled.Plus(-1).DetachFromDisposeScope();
    }
}
