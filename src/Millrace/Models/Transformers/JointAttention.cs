using Millrace.Models.Layers;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Linear = Millrace.Models.Layers.Linear;

namespace Millrace.Models.Transformers;

/// <summary>Attention of the tokens of a picture and of a text to all of both, each kind with projections of its own (MM-DiT, Esser et al. 2024, arXiv 2403.03206).</summary>
internal sealed class JointAttention : Module
{
    private const double NormEpsilon = 1e-6;

    [ComponentName(Name = "to_q")]
    private readonly Linear _query;

    [ComponentName(Name = "to_k")]
    private readonly Linear _key;

    [ComponentName(Name = "to_v")]
    private readonly Linear _value;

    [ComponentName(Name = "norm_q")]
    private readonly RootMeanSquareNorm? _queryNorm;

    [ComponentName(Name = "norm_k")]
    private readonly RootMeanSquareNorm? _keyNorm;

    [ComponentName(Name = "to_out")]
    private readonly Sequential? _output;

    [ComponentName(Name = "add_q_proj")]
    private readonly Linear? _textQuery;

    [ComponentName(Name = "add_k_proj")]
    private readonly Linear? _textKey;

    [ComponentName(Name = "add_v_proj")]
    private readonly Linear? _textValue;

    [ComponentName(Name = "norm_added_q")]
    private readonly RootMeanSquareNorm? _textQueryNorm;

    [ComponentName(Name = "norm_added_k")]
    private readonly RootMeanSquareNorm? _textKeyNorm;

    [ComponentName(Name = "to_add_out")]
    private readonly Linear? _textOutput;

    private readonly int _heads;

    /// <param name="width">Width of the tokens.</param>
    /// <param name="heads">Number of heads.</param>
    /// <param name="normalizes">Whether queries and keys are normalized head by head.</param>
    /// <param name="text">Whether there are tokens of a text apart from those of the picture; where not, results are not projected either.</param>
    /// <param name="textOutput">Whether the text's results are projected; where they are not used they are not.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    public JointAttention(int width, int heads, bool normalizes, bool text, bool textOutput, TensorOptions tensors)
        : base(nameof(JointAttention))
    {
        Linear Projection() => new(width, width, options: tensors);
        RootMeanSquareNorm? Norm(bool wanted) => wanted ? new RootMeanSquareNorm(width / heads, NormEpsilon, tensors) : null;
        _heads = heads;
        (_query, _key, _value) = (Projection(), Projection(), Projection());
        (_queryNorm, _keyNorm) = (Norm(normalizes), Norm(normalizes));
        if (text)
        {
            _output = Sequential(Projection());
            (_textQuery, _textKey, _textValue) = (Projection(), Projection(), Projection());
            (_textQueryNorm, _textKeyNorm) = (Norm(normalizes), Norm(normalizes));
            _textOutput = textOutput ? Projection() : null;
        }

        RegisterComponents();
    }

    /// <summary>Both kinds of tokens; the text's come first where positions are turned.</summary>
    /// <param name="picture">[B, N, width].</param>
    /// <param name="text">[B, M, width].</param>
    /// <param name="positions">Of the text's tokens and then the picture's; null for none.</param>
    /// <returns>In the dispose scope of the caller; no text where its results are not projected.</returns>
    public (Tensor Picture, Tensor? Text) Forward(Tensor picture, Tensor text, RotaryPositions? positions)
    {
        Tensor query = cat([Heads(_textQuery!.call(text), _textQueryNorm), Heads(_query.call(picture), _queryNorm)], dim: 2);
        Tensor key = cat([Heads(_textKey!.call(text), _textKeyNorm), Heads(_key.call(picture), _keyNorm)], dim: 2);
        Tensor value = cat([Heads(_textValue!.call(text), null), Heads(_value.call(picture), null)], dim: 2);
        Tensor attended = Attend(query, key, value, positions);
        long words = text.shape[1];
        return (_output!.call(attended.narrow(1, words, picture.shape[1])), _textOutput?.call(attended.narrow(1, 0, words)));
    }

    /// <summary>Tokens of one kind, to each other; not projected.</summary>
    public Tensor Forward(Tensor tokens, RotaryPositions positions) =>
        Attend(Heads(_query.call(tokens), _queryNorm), Heads(_key.call(tokens), _keyNorm), Heads(_value.call(tokens), null), positions);

    private static Tensor Attend(Tensor query, Tensor key, Tensor value, RotaryPositions? positions) =>
        functional.scaled_dot_product_attention(positions?.Turn(query) ?? query, positions?.Turn(key) ?? key, value).transpose(1, 2).flatten(2);

    // [B, N, width] to [B, heads, N, width / heads]
    private Tensor Heads(Tensor tokens, RootMeanSquareNorm? norm)
    {
        Tensor heads = tokens.unflatten(2, _heads, -1).transpose(1, 2);
        return norm?.call(heads) ?? heads;
    }
}
