using Millrace.Models.UNets;
using static TorchSharp.torch;

namespace Millrace.Models.Adapters;

/// <summary>Features of a T2I-Adapter, with a scale, over a stretch of the way from noise to picture. Several add up.</summary>
public sealed class T2IAdapter : IUNetAttachment
{
    private readonly IReadOnlyList<Tensor> _features;
    private readonly ControlStrength _strength;
    private readonly int _trainTimesteps;

    /// <summary>Describes the adapter.</summary>
    /// <param name="options">Shape of the network that made the features.</param>
    /// <param name="unet">The U-Net that they are added to.</param>
    /// <param name="features">From <see cref="T2IAdapterModel.Features"/>; used, not owned.</param>
    /// <param name="strength">How strongly, and where.</param>
    /// <param name="trainTimesteps">Timesteps of the process.</param>
    /// <exception cref="ArgumentException">Where the features were made for another U-Net, or the strength is outside its range.</exception>
    public T2IAdapter(T2IAdapterOptions options, UNet2DConditionModel unet, IReadOnlyList<Tensor> features, ControlStrength strength, int trainTimesteps)
    {
        CheckFit(options, unet.Options);
        (_features, _strength, _trainTimesteps) = (features, strength.Validated(), trainTimesteps);
    }

    /// <inheritdoc/>
    public UNetHooks Attach(UNetHooks hooks, Tensor x, Tensor t, Conditioning conditioning)
    {
        if (_strength.Rows(t, _trainTimesteps, x.dtype) is not { } rows)
        {
            return hooks;
        }

        Tensor[] own = [.. _features.Select(feature => feature * rows)];
        IReadOnlyList<Tensor> sum = hooks.AdapterFeatures.Count == 0 ? own
            : hooks.AdapterFeatures.Count == own.Length ? [.. hooks.AdapterFeatures.Zip(own, (before, feature) => before.Plus(feature))]
            : throw new ArgumentException($"T2I-Adapters of one U-Net must give as many features, got {hooks.AdapterFeatures.Count} and {own.Length}.", nameof(hooks));
        return hooks with { AdapterFeatures = sum };
    }

    private static void CheckFit(T2IAdapterOptions adapter, UNet2DConditionOptions unet)
    {
        int resolutions = unet.BlockOutChannels.Count;
        int[] wanted = [.. unet.BlockOutChannels, unet.BlockOutChannels[^1]];
        IReadOnlyList<int> widths = adapter.FeatureWidths;
        if (widths.Count < resolutions || widths.Count > wanted.Length || !widths.SequenceEqual(wanted.Take(widths.Count)))
        {
            throw new ArgumentException(
                $"The T2I-Adapter was made for another U-Net: its features have widths [{string.Join(", ", widths)}]; the model's U-Net has [{string.Join(", ", unet.BlockOutChannels)}].", nameof(adapter));
        }
    }
}
