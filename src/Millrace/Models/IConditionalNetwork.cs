using static TorchSharp.torch;

namespace Millrace.Models;

/// <summary>A network that predicts from x_t, t and a conditioning, in whatever precision its parameters have.</summary>
public interface IConditionalNetwork
{
    /// <summary>Type of the parameters, which x_t must have.</summary>
    ScalarType Precision { get; }

    /// <summary>Predicts for every row, under autograd.</summary>
    /// <param name="x">x_t, in the precision of the parameters.</param>
    /// <param name="t">Time of each row, [B], in the network's own unit.</param>
    /// <param name="conditioning">One row for each row of <paramref name="x"/>; floating-point parts in the precision of the parameters.</param>
    /// <returns>The shape of <paramref name="x"/>, with the network's own number of channels; the caller's to dispose.</returns>
    /// <exception cref="ArgumentException">Where an argument does not fit the network; names it.</exception>
    Tensor Predict(Tensor x, Tensor t, Conditioning conditioning);
}
