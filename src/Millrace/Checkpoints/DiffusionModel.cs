using Millrace.Processes;

namespace Millrace.Checkpoints;

/// <summary>Everything that a pipeline needs of a text-conditional latent model.</summary>
/// <param name="name">What to call it.</param>
/// <param name="denoiser">Predicts in latents.</param>
/// <param name="autoencoder">Pixels to latents and back.</param>
/// <param name="textEncoder">Prompts to conditioning.</param>
/// <param name="process">The forward process that the denoiser was trained on.</param>
/// <param name="defaultSize">Side of the square images that it was trained on, in pixels.</param>
/// <param name="weights">Disposed with the model.</param>
public sealed class DiffusionModel(
    string name, IDenoiser denoiser, IAutoencoder autoencoder, ITextEncoder textEncoder, VariancePreservingProcess process, int defaultSize, IDisposable weights)
    : IDisposable
{
    /// <summary>What to call it.</summary>
    public string Name => name;

    /// <summary>Predicts in latents.</summary>
    public IDenoiser Denoiser => denoiser;

    /// <summary>Pixels to latents and back.</summary>
    public IAutoencoder Autoencoder => autoencoder;

    /// <summary>Prompts to conditioning.</summary>
    public ITextEncoder TextEncoder => textEncoder;

    /// <summary>The forward process that the denoiser was trained on.</summary>
    public VariancePreservingProcess Process => process;

    /// <summary>Side of the square images that it was trained on, in pixels.</summary>
    public int DefaultSize => defaultSize;

    /// <summary>Releases the weights.</summary>
    public void Dispose() => weights.Dispose();
}
