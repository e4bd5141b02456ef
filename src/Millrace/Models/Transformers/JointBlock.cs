using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Transformers;

/// <summary>One layer over the tokens of a picture and of a text side by side (MM-DiT, arXiv 2403.03206).</summary>
internal sealed class JointBlock : Module, ICheckpointedBlock
{
    [ComponentName(Name = "norm1")]
    private readonly Modulation _modulation;

    [ComponentName(Name = "norm1_context")]
    private readonly Modulation _textModulation;

    [ComponentName(Name = "attn")]
    private readonly JointAttention _attention;

    [ComponentName(Name = "ff")]
    private readonly FeedForward _feedForward;

    [ComponentName(Name = "ff_context")]
    private readonly FeedForward? _textFeedForward;

    /// <param name="width">Width of the tokens.</param>
    /// <param name="heads">Number of heads.</param>
    /// <param name="normalizes">Whether queries and keys are normalized.</param>
    /// <param name="last">Whether the text's tokens are not used after this layer.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    public JointBlock(int width, int heads, bool normalizes, bool last, TensorOptions tensors)
        : base(nameof(JointBlock))
    {
        _modulation = new Modulation(width, width, parts: 6, tensors);
        _textModulation = new Modulation(width, width, parts: last ? 2 : 6, tensors);
        _attention = new JointAttention(width, heads, normalizes, text: true, textOutput: !last, tensors);
        _feedForward = new FeedForward(width, tensors, Activation.TanhGelu);
        _textFeedForward = last ? null : new FeedForward(width, tensors, Activation.TanhGelu);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public bool Checkpointed { get; set; }

    /// <param name="picture">[B, N, width].</param>
    /// <param name="text">[B, M, width].</param>
    /// <param name="conditioning">[B, width].</param>
    /// <param name="positions">Of the text's tokens and then the picture's; null for none.</param>
    /// <returns>Both in the dispose scope of the caller; the text unchanged in the last layer.</returns>
    public (Tensor Picture, Tensor Text) Forward(Tensor picture, Tensor text, Tensor conditioning, RotaryPositions? positions)
    {
        Tensor[] outputs = GradientCheckpointing.Run(
            this, inputs => Compute(inputs[0]!, inputs[1]!, inputs[2]!, inputs[3] is { } cosines ? new RotaryPositions(cosines, inputs[4]!) : null),
            picture, text, conditioning, positions?.Cosines, positions?.Sines);
        return (outputs[0], outputs is [_, var next] ? next : text);
    }

    // The picture, and the text where it is used after this layer.
    private Tensor[] Compute(Tensor picture, Tensor text, Tensor conditioning, RotaryPositions? positions)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor[] own = _modulation.Of(conditioning), its = _textModulation.Of(conditioning);

        // Where only scale and shift are left, they stand in the other order.
        Tensor normalizedText = _textFeedForward is null
            ? Modulation.Apply(Modulation.Normalize(text), shift: its[1], scale: its[0])
            : Modulation.Apply(Modulation.Normalize(text), shift: its[0], scale: its[1]);
        (Tensor attended, Tensor? attendedText) = _attention.Forward(Modulation.Apply(Modulation.Normalize(picture), own[0], own[1]), normalizedText, positions);
        picture = picture.Plus(own[2] * attended);
        picture = picture.Plus(own[5] * _feedForward.call(Modulation.Apply(Modulation.Normalize(picture), own[3], own[4])));
        if (_textFeedForward is null)
        {
            return [picture.MoveToOuterDisposeScope()];
        }

        Tensor between = text.Plus(its[2] * attendedText!);
        text = between.Plus(its[5] * _textFeedForward.call(Modulation.Apply(Modulation.Normalize(between), its[3], its[4])));
        return [picture.MoveToOuterDisposeScope(), text.MoveToOuterDisposeScope()];
    }
}
