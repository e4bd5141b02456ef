namespace Millrace.Checkpoints;

/// <summary>
/// What a model will take of memory, told from shapes before anything is allocated. The weights are exact; what computing takes is an
/// estimate from above: what stands at once at the widest place of the network or of the decoder, whichever is more.
/// </summary>
/// <param name="WeightBytes">Bytes of all weights.</param>
/// <param name="ActivationBytes">Bytes of what is computed.</param>
public sealed record MemoryForecast(double WeightBytes, double ActivationBytes)
{
    // Of libtorch and its libraries: reordered weights, buffers of the workers.
    private const double Scratch = 128 << 20;

    /// <summary>Bytes in all.</summary>
    public double TotalBytes => WeightBytes + ActivationBytes;

    /// <summary>Forecasts.</summary>
    /// <param name="model">The model, or its shapes alone; see <see cref="Checkpoint.Survey"/>.</param>
    /// <param name="width">Width of the pictures in pixels.</param>
    /// <param name="height">Height in pixels.</param>
    /// <param name="pictures">Pictures that are decoded at once.</param>
    /// <param name="rows">Rows of one call of the network: pictures, times two for classifier-free guidance, times the steps that a stream computes at once.</param>
    /// <param name="bytesPerNumber">Of what is computed: 4 for float32, 2 for bfloat16.</param>
    public static MemoryForecast Of(DiffusionModel model, long width, long height, double pictures, double rows, int bytesPerNumber = 4)
    {
        double network = rows * ActivationForecast.OfNetwork(model.Network, width, height, model.Autoencoder.SpatialFactor);
        double autoencoder = pictures * ActivationForecast.OfAutoencoder(model.Autoencoder, width, height);
        double weights = model.Parts.Values.Sum(part => part.state_dict().Values.Sum(tensor => (double)tensor.numel() * tensor.ElementSize));
        return new MemoryForecast(weights, (bytesPerNumber * Math.Max(network, autoencoder)) + Scratch);
    }
}
