using static TorchSharp.torch;

namespace Millrace.Processes;

/// <summary>A denoiser that is asked with training timesteps and tells its network the time as the network learned it.</summary>
/// <param name="denoiser">The network; used, not owned.</param>
/// <param name="process">Whose timesteps it is asked with.</param>
/// <param name="convention">How the network is told.</param>
public sealed class TimeAdapter(IDenoiser denoiser, IDiffusionProcess process, TimeConvention convention) : IDenoiser
{
    /// <inheritdoc/>
    public PredictionType Prediction => denoiser.Prediction;

    /// <summary>The network's time for a training timestep.</summary>
    public double NetworkTime(double timestep) => convention switch
    {
        TimeConvention.Timestep => timestep,
        TimeConvention.Continuous => timestep / process.TrainTimesteps,
        TimeConvention.Reversed => 1 - (timestep / process.TrainTimesteps),
        TimeConvention.LogSigma => -process.LevelAt(timestep).LogSnr / 4,
        _ => throw new InvalidOperationException($"Unknown time convention {convention}."),
    };

    /// <inheritdoc/>
    public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning)
    {
        using Tensor timesteps = t.to(float64).cpu();
        using Tensor times = tensor(timesteps.data<double>().ToArray().Select(time => (float)NetworkTime(time)).ToArray(), device: t.device);
        return denoiser.Predict(x, times, conditioning);
    }
}
