using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Models.TextEncoders;

/// <summary>
/// Tokenizer and text transformer of Stable Diffusion: prompts to hidden states. A prompt is read in windows, of 75 tokens
/// in published models, whose states stand one after another, up to <see cref="MostWindows"/>; brackets weigh its words, as in <c>a (red:1.3) [car]</c>.
/// </summary>
public sealed class ClipTextEncoder : ITextEncoder, IDisposable
{
    /// <summary>How many windows are read of a prompt; what is behind them is left out.</summary>
    public const int MostWindows = 8;

    private readonly ClipTextModel _model;
    private readonly ClipTokenizer _tokenizer;

    /// <summary>Joins the two.</summary>
    /// <param name="model">The transformer; owned.</param>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <exception cref="ArgumentException">Where the tokenizer has ids that the transformer does not know.</exception>
    public ClipTextEncoder(ClipTextModel model, ClipTokenizer tokenizer)
    {
        if (tokenizer.LargestId >= model.Options.VocabSize)
        {
            throw new ArgumentException(
                $"The tokenizer has ids up to {tokenizer.LargestId}, but the text encoder knows only {model.Options.VocabSize} tokens.", nameof(tokenizer));
        }

        (_model, _tokenizer) = (model, tokenizer);
        Words = new LearnedWords(model.Options.VocabSize);
    }

    /// <summary>The shape of the transformer.</summary>
    public ClipTextOptions Options => _model.Options;

    /// <summary>Words that stand in weighted prompts for vectors of their own; owned.</summary>
    internal LearnedWords Words { get; }

    /// <summary>Where the transformer computes.</summary>
    internal Device Device => _model.parameters().First().device;

    private int Limit => _model.Options.MaxPositionEmbeddings - 2;

    /// <inheritdoc/>
    /// <remarks>Prompts of fewer windows than the longest are filled up with tokens that are masked.</remarks>
    public Conditioning Encode(IReadOnlyList<string> prompts)
    {
        using DisposeScope scope = NewDisposeScope();
        IReadOnlyList<ClipTextOutput> outputs = RunWeighted(prompts, [.. prompts.Select(Windows)]);
        return Conditioning.Concatenate([.. outputs.Select(output => new Conditioning(output.LastHiddenState))]).MoveToOuterDisposeScope();
    }

    /// <summary>Everything that the transformer makes of plain prompts, in float32.</summary>
    /// <param name="prompts">B prompts, each truncated at the limit; brackets are read as text.</param>
    /// <returns>Tensors in the dispose scope of the caller.</returns>
    public ClipTextOutput Run(IReadOnlyList<string> prompts)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        ClipTextOutput output = Float(_model.Encode(Tokens(prompts)));
        return output.Select(part => part.MoveToOuterDisposeScope());
    }

    /// <summary>The ids of plain prompts, [B, positions], int64: start, text (truncated at the limit), end, padding.</summary>
    public Tensor Tokens(IReadOnlyList<string> prompts) => Ids([.. prompts.Select(prompt => (IReadOnlyList<int>)[.. _tokenizer.Tokenize(prompt).Take(Limit)])]);

    /// <inheritdoc/>
    public bool Truncates(string prompt, out int tokensLeftOut)
    {
        tokensLeftOut = AllWindows(prompt).Skip(MostWindows).Sum(window => window.Count);
        return tokensLeftOut > 0;
    }

    /// <summary>How many tokens of a prompt <see cref="Run"/> leaves out.</summary>
    internal int LeftOut(string prompt) => Math.Max(0, _tokenizer.Tokenize(prompt).Count - Limit);

    /// <summary>How many windows of a weighted prompt are read; at least 1.</summary>
    internal int Windows(string prompt) => Cut(prompt).Count;

    /// <summary>Everything that the transformer makes of weighted prompts, in float32.</summary>
    /// <remarks>
    /// A token of weight w has the state z + (w - 1) (z - z_0), z_0 being the state of the empty prompt at its place. Pooled states are those of
    /// the first window, and not weighted.
    /// </remarks>
    /// <param name="prompts">B prompts.</param>
    /// <param name="windows">How many windows each prompt gets, at least as many as are read of it; those behind are empty.</param>
    /// <returns>For each prompt one row, states [1, windows * positions, width]; tensors in the dispose scope of the caller.</returns>
    internal IReadOnlyList<ClipTextOutput> RunWeighted(IReadOnlyList<string> prompts, IReadOnlyList<int> windows)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        List<IReadOnlyList<ClipToken>> all = [.. prompts.SelectMany((prompt, row) => Filled(Cut(prompt), windows[row]))];
        bool weighted = all.Any(window => window.Any(token => token.Weight != 1));
        IEnumerable<IReadOnlyList<ClipToken>> read = weighted ? all.Append([]) : all; // the empty prompt last
        ClipTextOutput output = Float(_model.Encode(Ids([.. read.Select(window => (IReadOnlyList<int>)[.. window.Select(token => token.Id)])]), Words.Vectors));
        if (weighted)
        {
            Tensor excess = Excess(all);
            Tensor Weighted(Tensor states)
            {
                Tensor own = states.narrow(0, 0, all.Count), empty = states.narrow(0, all.Count, 1);
                return own.Plus(own.Minus(empty) * excess);
            }

            output = output with { LastHiddenState = Weighted(output.LastHiddenState), PenultimateHiddenState = Weighted(output.PenultimateHiddenState) };
        }

        var rows = new List<ClipTextOutput>();
        for (int row = 0, first = 0; row < prompts.Count; first += windows[row++])
        {
            Tensor States(Tensor states) => states.narrow(0, first, windows[row]).flatten(0, 1).unsqueeze(0).MoveToOuterDisposeScope();
            Tensor Pooled(Tensor pooled) => pooled.narrow(0, first, 1).MoveToOuterDisposeScope();
            rows.Add(new ClipTextOutput(
                States(output.LastHiddenState), States(output.PenultimateHiddenState), Pooled(output.Pooled), output.TextEmbeddings is { } embeddings ? Pooled(embeddings) : null));
        }

        return rows;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Words.Dispose();
        _model.Dispose();
    }

    private static ClipTextOutput Float(ClipTextOutput output) => output.Select(part => part.to(float32));

    private static IEnumerable<IReadOnlyList<ClipToken>> Filled(IReadOnlyList<IReadOnlyList<ClipToken>> windows, int count) =>
        windows.Concat(Enumerable.Repeat<IReadOnlyList<ClipToken>>([], count - windows.Count));

    private IReadOnlyList<IReadOnlyList<ClipToken>> Cut(string prompt) => [.. AllWindows(prompt).Take(MostWindows)];

    private IReadOnlyList<IReadOnlyList<ClipToken>> AllWindows(string prompt) => ClipWindow.Cut(
        WeightedPrompt.Parse(prompt).SelectMany(part => Words.Pieces(part.Text, _tokenizer).Select(piece => (IReadOnlyList<ClipToken>)[.. piece.Select(id => new ClipToken(id, part.Weight))])), Limit);

    /// <summary>Start, the given ids, end, padding: [windows, positions], int64.</summary>
    private Tensor Ids(IReadOnlyList<IReadOnlyList<int>> windows)
    {
        int length = _model.Options.MaxPositionEmbeddings;
        long[] ids = [.. windows.SelectMany(window => window.Prepend(_tokenizer.StartId).Append(_tokenizer.EndId)
            .Concat(Enumerable.Repeat(_tokenizer.PadId, Limit - window.Count)).Select(id => (long)id))];
        return tensor(ids, [windows.Count, length], dtype: int64, device: Device);
    }

    /// <summary>w - 1 of every position, [windows, positions, 1].</summary>
    private Tensor Excess(List<IReadOnlyList<ClipToken>> windows)
    {
        int length = _model.Options.MaxPositionEmbeddings;
        var excess = new float[windows.Count * length];
        for (int window = 0; window < windows.Count; window++)
        {
            for (int index = 0; index < windows[window].Count; index++)
            {
                excess[(window * length) + 1 + index] = (float)(windows[window][index].Weight - 1);
            }
        }

        return tensor(excess, [windows.Count, length, 1], device: Device);
    }
}
