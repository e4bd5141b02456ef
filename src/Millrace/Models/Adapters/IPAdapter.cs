using Millrace.Models.Layers;
using Millrace.Models.UNets;
using static TorchSharp.torch;

namespace Millrace.Models.Adapters;

/// <summary>
/// Decoupled cross-attention to a picture beside that to the text (Ye et al. 2023, arXiv 2308.06721, equation 5), with a scale, over a stretch of the
/// way from noise to picture. Several add up. The picture's tokens come with each row's conditioning.
/// </summary>
public sealed class IPAdapter : IUNetAttachment
{
    private readonly IPAdapterModel _network;
    private readonly Dictionary<string, int> _layers;
    private readonly int _index;
    private readonly ControlStrength _strength;
    private readonly int _trainTimesteps;

    /// <summary>Describes the adapter.</summary>
    /// <param name="network">Used, not owned.</param>
    /// <param name="unet">The U-Net that it works in.</param>
    /// <param name="index">Place of its tokens in <see cref="Conditioning.ImageTokens"/>.</param>
    /// <param name="strength">How strongly, and where.</param>
    /// <param name="trainTimesteps">Timesteps of the process.</param>
    /// <exception cref="ArgumentException">Where the network was made for another U-Net, or the strength is outside its range.</exception>
    public IPAdapter(IPAdapterModel network, UNet2DConditionModel unet, int index, ControlStrength strength, int trainTimesteps)
    {
        (string Name, int Width)[] blocks = [.. unet.TextAttention()];
        CheckFit(network.Options, unet.Options.CrossAttentionDim, blocks);
        (_network, _index, _strength, _trainTimesteps) = (network, index, strength.Validated(), trainTimesteps);
        _layers = blocks.Select((block, layer) => (block.Name, layer)).ToDictionary(block => block.Name, block => block.layer);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">Where the conditioning holds no tokens for it, or tokens of another shape.</exception>
    public UNetHooks Attach(UNetHooks hooks, Tensor x, Tensor t, Conditioning conditioning)
    {
        if (_strength.Rows(t, _trainTimesteps, x.dtype) is not { } rows)
        {
            return hooks;
        }

        Tensor tokens = Tokens(conditioning, x.shape[0]), scale = rows.squeeze(-1);
        return hooks with
        {
            FurtherContexts = block =>
            {
                (Tensor key, Tensor value) = _network.Context(_layers[block], tokens);
                return [.. hooks.FurtherContexts?.Invoke(block) ?? [], new AttentionContext(key, value, scale)];
            },
        };
    }

    private Tensor Tokens(Conditioning conditioning, long rows)
    {
        Tensor? tokens = _index < conditioning.ImageTokens.Count ? conditioning.ImageTokens[_index] : null;
        return tokens is not null && tokens.dim() == 3 && tokens.shape[0] == rows && tokens.shape[2] == _network.Options.ContextWidth
            ? tokens
            : throw new ArgumentException(
                $"ImageTokens {_index} of the conditioning must be [{rows}, tokens, {_network.Options.ContextWidth}], got {(tokens is null ? "none" : $"[{string.Join(", ", tokens.shape)}]")}.", nameof(conditioning));
    }

    private static void CheckFit(IPAdapterOptions adapter, int textWidth, IReadOnlyList<(string Name, int Width)> blocks)
    {
        static string Describe(int text, IEnumerable<int> widths) => $"text of width {text} and attention of widths [{string.Join(", ", widths)}]";
        IEnumerable<int> widths = blocks.Select(block => block.Width);
        if (adapter.ContextWidth != textWidth || !adapter.LayerWidths.SequenceEqual(widths))
        {
            throw new ArgumentException(
                $"The IP-Adapter was made for another U-Net: it is for {Describe(adapter.ContextWidth, adapter.LayerWidths)}; the model's U-Net has {Describe(textWidth, widths)}.", nameof(adapter));
        }
    }
}
