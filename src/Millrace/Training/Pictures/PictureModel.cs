using Millrace.Models;
using Millrace.Models.Autoencoders;
using Millrace.Processes;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Training.Pictures;

/// <summary>The denoising network of one's own pictures, with what it is asked with.</summary>
internal abstract class PictureModel : IDisposable
{
    /// <summary>Share of the batch that is shown without its condition, so that the model can be guided.</summary>
    protected const double Unconditioned = 0.1;

    /// <summary>What is trained.</summary>
    public abstract Module Trained { get; }

    /// <summary>The denoising network.</summary>
    public abstract IConditionalNetwork Network { get; }

    /// <summary>The path to noise, and what the network predicts of it.</summary>
    public static (IDiffusionProcess Process, PredictionType Prediction) Of(PictureProcess process) =>
        process == PictureProcess.Flow ? (new FlowProcess(), PredictionType.Flow) : (VariancePreservingProcess.StableDiffusion, PredictionType.VPrediction);

    /// <summary>The conditions of some pictures, a tenth of them dropped, under autograd.</summary>
    /// <param name="rows">Numbers of the pictures, [B], int64.</param>
    /// <param name="random">Source of randomness.</param>
    /// <returns>In the dispose scope of the caller.</returns>
    public abstract Conditioning Condition(Tensor rows, SeededRandom random);

    /// <summary>Writes the whole model.</summary>
    public abstract void Save(string folder, AutoencoderTiny autoencoder, PictureProcess process);

    public abstract void Dispose();
}
