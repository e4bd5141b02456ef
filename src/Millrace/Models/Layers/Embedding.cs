using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Layers;

/// <summary>A vector for each id. Its parameter has no values until it is loaded or initialised.</summary>
public sealed class Embedding : Module<Tensor, Tensor>
{
    [ComponentName(Name = "weight")]
    private Parameter _weight;

    /// <summary>Creates the layer.</summary>
    /// <param name="count">Number of ids.</param>
    /// <param name="width">Width of a vector.</param>
    /// <param name="options">Where and how the parameter is made.</param>
    public Embedding(int count, int width, TensorOptions? options = null)
        : base(nameof(Embedding))
    {
        _weight = (options ?? TensorOptions.Default).CreateParameter(count, width);
        RegisterComponents();
    }

    /// <summary>[ids, width].</summary>
    public Parameter Weight => _weight;

    /// <inheritdoc/>
    /// <param name="ids">Any shape, int64, each in 0..count - 1.</param>
    /// <returns>The shape of <paramref name="ids"/> with the width behind.</returns>
    public override Tensor forward(Tensor ids)
    {
        using Tensor flat = ids.flatten();
        using Tensor rows = _weight.index_select(0, flat);
        return rows.view([.. ids.shape, _weight.shape[1]]);
    }
}
