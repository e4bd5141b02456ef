using Millrace.Models.TextEncoders;
using Millrace.Models.UNets;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Training;

/// <summary>A U-Net and the text encoder that is trained with it: x_t, t and tokens to a prediction.</summary>
public sealed class TextConditionalNetwork : Module<Tensor, Tensor, Tensor, Tensor>
{
    [ComponentName(Name = "unet")]
    private readonly UNet2DConditionModel _unet;

    [ComponentName(Name = "text_encoder")]
    private readonly ClipTextModel _textEncoder;

    /// <summary>Joins the two, which it owns from then on.</summary>
    public TextConditionalNetwork(UNet2DConditionModel unet, ClipTextModel textEncoder)
        : base(nameof(TextConditionalNetwork))
    {
        (_unet, _textEncoder) = (unet, textEncoder);
        RegisterComponents();
    }

    /// <summary>The denoiser.</summary>
    public UNet2DConditionModel UNet => _unet;

    /// <summary>The text encoder.</summary>
    public ClipTextModel TextEncoder => _textEncoder;

    /// <summary>Predicts for every row, under autograd, in the precision of <paramref name="x"/>.</summary>
    /// <param name="x">x_t, [B, C, H, W].</param>
    /// <param name="t">Training timestep of each row, [B].</param>
    /// <param name="tokens">[B, N], int64.</param>
    /// <returns>[B, C, H, W].</returns>
    public override Tensor forward(Tensor x, Tensor t, Tensor tokens)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor text = _textEncoder.call(tokens).to(x.dtype);
        return _unet.call(x, t, text).MoveToOuterDisposeScope();
    }
}
