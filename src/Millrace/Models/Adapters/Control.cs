using Millrace.Models.UNets;
using static TorchSharp.torch;

namespace Millrace.Models.Adapters;

/// <summary>A control network that is shown a picture, with a scale, over a stretch of the way from noise to picture.</summary>
public sealed class Control : IUNetAttachment
{
    private readonly ControlNetModel _network;
    private readonly Tensor _hint;
    private readonly ControlStrength _strength;
    private readonly int _trainTimesteps;

    /// <summary>Describes the control.</summary>
    /// <param name="network">Used, not owned.</param>
    /// <param name="unet">The U-Net that it controls.</param>
    /// <param name="hint">The picture on the latents' grid, [1, width, H, W], from <see cref="ControlNetModel.Hint"/>; used, not owned.</param>
    /// <param name="strength">How strongly, and where.</param>
    /// <param name="trainTimesteps">Timesteps of the process.</param>
    /// <exception cref="ArgumentException">Where the network was made for another U-Net, or the strength is outside its range.</exception>
    public Control(ControlNetModel network, UNet2DConditionModel unet, Tensor hint, ControlStrength strength, int trainTimesteps)
    {
        CheckFit(network.Options.UNet, unet.Options);
        (_network, _hint, _strength, _trainTimesteps) = (network, hint, strength.Validated(), trainTimesteps);
    }

    /// <inheritdoc/>
    public UNetHooks Attach(UNetHooks hooks, Tensor x, Tensor t, Conditioning conditioning)
    {
        if (_strength.Rows(t, _trainTimesteps, x.dtype) is not { } rows)
        {
            return hooks;
        }

        // A U-Net that inpaints sees a mask and more behind x_t, which a control network does not.
        Tensor seen = x.narrow(1, 0, _network.Options.UNet.InChannels);
        ControlResiduals residuals = _network.Residuals(seen, t, conditioning, _hint);
        residuals = new ControlResiduals([.. residuals.Down.Select(residual => residual * rows)], residuals.Middle * rows);
        return hooks with { Controls = [.. hooks.Controls, residuals] };
    }

    private static void CheckFit(UNet2DConditionOptions control, UNet2DConditionOptions unet)
    {
        static string Describe(UNet2DConditionOptions options) =>
            $"widths [{string.Join(", ", options.BlockOutChannels)}], {options.LayersPerBlock} layers each, text of width {options.CrossAttentionDim}";
        if (!control.BlockOutChannels.SequenceEqual(unet.BlockOutChannels) || control.LayersPerBlock != unet.LayersPerBlock
            || control.CrossAttentionDim != unet.CrossAttentionDim || !control.DownBlockTypes.SequenceEqual(unet.DownBlockTypes))
        {
            throw new ArgumentException($"The control network was made for another U-Net: it has {Describe(control)}; the model's U-Net has {Describe(unet)}.", nameof(control));
        }
    }
}
