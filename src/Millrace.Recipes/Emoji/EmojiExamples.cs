using Millrace.Models.TextEncoders;
using Millrace.Recipes.Emoji.Compositions;
using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Recipes.Emoji;

/// <summary>What the networks of the emoji model learn from, on one device: the pictures and their compositions, with captions.</summary>
internal sealed class EmojiExamples : IDisposable
{
    private const int Captions = 12; // of a picture
    private const double ColouredShare = 0.3, FacedShare = 0.12; // of a batch; the rest are pictures as they are
    private const double GroundShare = 0.12; // of a batch, that stand on a coloured ground

    private readonly Tensor _layers; // [M, 4, side, side], bytes
    private readonly Tensor _tokens; // [M, Captions, N]
    private readonly Tensor _groundTokens; // [M, colours, N]
    private readonly Tensor _grounds; // [colours, 3, 1, 1], what a ground takes from white, in [0, 1]
    private readonly long[] _ends; // of the pictures, of those in other colours, of those with faces

    /// <summary>Prepares them.</summary>
    /// <param name="set">The pictures.</param>
    /// <param name="compositions">Those to learn from; held-out ones left out by the caller.</param>
    /// <param name="encoder">Gives the tokens.</param>
    /// <param name="device">Where.</param>
    public EmojiExamples(EmojiSet set, IReadOnlyList<Composition> compositions, ClipTextEncoder encoder, Device device)
    {
        var random = new Random(1);
        Composition[] coloured = [.. compositions.Where(composition => composition.IsColour)], faced = [.. compositions.Where(composition => !composition.IsColour)];
        byte[][] layers = [.. set.Layers, .. coloured.Concat(faced).Select(composition => composition.Pixels)];
        string[][] captions =
        [
            .. set.Pictures.Select(picture => (string[])[.. EmojiCaptions.Of(picture, Captions, random)]),
            .. coloured.Concat(faced).Select(composition => (string[])[.. EmojiCaptions.Of(composition, set.Pictures[composition.Row], Captions, random)]),
        ];
        _ends = [set.Pictures.Count, set.Pictures.Count + coloured.Length, layers.Length];
        int side = EmojiShapes.Side;
        var bytes = new byte[layers.Length * layers[0].Length];
        for (int row = 0; row < layers.Length; row++)
        {
            layers[row].CopyTo(bytes, row * layers[row].Length);
        }

        _layers = tensor(bytes, [layers.Length, 4, side, side], dtype: uint8).to(device).DetachFromDisposeScope();
        _tokens = Tokens(encoder, captions, device);
        _groundTokens = Tokens(encoder, [.. captions.Select(own => (string[])[.. PaletteColour.All.Select(colour => EmojiCaptions.OnGround(own[0], colour.Name))])], device);
        _grounds = tensor(PaletteColour.All.SelectMany(colour => new[] { 1 - colour.Ground.Red, 1 - colour.Ground.Green, 1 - colour.Ground.Blue }).ToArray())
            .view(-1, 3, 1, 1).to(device).DetachFromDisposeScope();
        EmptyTokens = encoder.Tokens([""]).to(device).DetachFromDisposeScope();
    }

    /// <summary>The empty prompt, [1, N].</summary>
    public Tensor EmptyTokens { get; }

    /// <summary>Rows of a batch, [count], int64.</summary>
    public Tensor Rows(int count, SeededRandom random)
    {
        using var scope = NewDisposeScope();
        Tensor kind = random.Uniform(count);
        Tensor Within(long start, long end) => random.Integers(Math.Max(1, end - start), count).Plus(start);
        Tensor plain = Within(0, _ends[0]), coloured = _ends[1] > _ends[0] ? Within(_ends[0], _ends[1]) : plain, faced = _ends[2] > _ends[1] ? Within(_ends[1], _ends[2]) : plain;
        return where(kind.IsBelow(FacedShare), faced, where(kind.IsBelow(FacedShare + ColouredShare), coloured, plain)).MoveToOuterDisposeScope();
    }

    /// <summary>The pictures of rows, [B, 4, side, side], bytes.</summary>
    public Tensor Pictures(Tensor rows) => _layers.index_select(0, rows);

    /// <summary>A ground for some rows and a caption for all.</summary>
    /// <param name="rows">[B].</param>
    /// <param name="random">Source of the choice.</param>
    /// <returns>What the grounds take from white, [B, 3, 1, 1], 0 for none; captions, [B, N].</returns>
    public (Tensor Grounds, Tensor Tokens) Describe(Tensor rows, SeededRandom random)
    {
        using var scope = NewDisposeScope();
        long count = rows.shape[0];
        Tensor colour = random.Integers(_grounds.shape[0], count), stands = random.Uniform(count, 1).IsBelow(GroundShare);
        Tensor caption = where(stands, _groundTokens[rows, colour], _tokens[rows, random.Integers(Captions, count)]);
        Tensor grounds = _grounds.index_select(0, colour) * stands.view(-1, 1, 1, 1).to(float32);
        return (grounds.MoveToOuterDisposeScope(), caption.MoveToOuterDisposeScope());
    }

    /// <summary>Puts moved pictures on their grounds.</summary>
    /// <param name="layers">[B, 4, side, side] in [-1, 1].</param>
    /// <param name="grounds">[B, 3, 1, 1].</param>
    /// <returns>[B, 3, side, side] in [-1, 1].</returns>
    public static Tensor Stand(Tensor layers, Tensor grounds)
    {
        using var scope = NewDisposeScope();
        Tensor clear = layers.narrow(1, 3, 1).Plus(1); // twice the transparency, the range of a channel being 2
        return layers.narrow(1, 0, 3).Minus(clear * grounds).Clamped(-1, 1).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Tensor tensor in new[] { _layers, _tokens, _groundTokens, _grounds, EmptyTokens })
        {
            tensor.Dispose();
        }
    }

    private static Tensor Tokens(ClipTextEncoder encoder, string[][] captions, Device device)
    {
        using Tensor tokens = encoder.Tokens([.. captions.SelectMany(own => own)]);
        return tokens.view(captions.Length, captions[0].Length, -1).to(device, copy: true).DetachFromDisposeScope();
    }
}
