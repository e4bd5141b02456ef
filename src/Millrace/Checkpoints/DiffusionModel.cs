using Millrace.Checkpoints.Adapters;
using Millrace.Checkpoints.Schedulers;
using Millrace.Models;
using Millrace.Models.UNets;
using Millrace.Processes;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Checkpoints;

/// <summary>Everything that a pipeline needs of a model, of whatever family.</summary>
public sealed class DiffusionModel : IDisposable
{
    private IDenoiser? _denoiser;
    private LoraSet? _loras;
    private TextualInversionSet? _textualInversions;

    /// <summary>What to call it.</summary>
    public required string Name { get; init; }

    /// <summary>Which published models it is like.</summary>
    public required ModelFamily Family { get; init; }

    /// <summary>The denoising network, in its own convention.</summary>
    public required IConditionalNetwork Network { get; init; }

    /// <summary>How the network differs from the contract of a denoiser.</summary>
    public NetworkConvention Convention { get; init; } = NetworkConvention.Timesteps;

    /// <summary>What the network predicts.</summary>
    public required PredictionType Prediction { get; init; }

    /// <summary>Pixels to latents and back.</summary>
    public required IAutoencoder Autoencoder { get; init; }

    /// <summary>Prompts to conditioning.</summary>
    public required ITextEncoder TextEncoder { get; init; }

    /// <summary>The scheduler that the model came with.</summary>
    public required DiffusersScheduler Scheduler { get; init; }

    /// <summary>Side of the square images that it was trained on, in pixels.</summary>
    public required int DefaultSize { get; init; }

    /// <summary>What both sides of a picture must be divisible by.</summary>
    public required int SizeMultiple { get; init; }

    /// <summary>Steps and scale where nobody says otherwise.</summary>
    public required SamplingDefaults Defaults { get; init; }

    /// <summary>Whether the network takes the guidance scale as an input, and is not guided from outside.</summary>
    public bool EmbedsGuidance { get; init; }

    /// <summary>The networks, by the names of their folders (<c>unet</c>, <c>transformer</c>, <c>vae</c>, <c>text_encoder</c>, <c>text_encoder_2</c> ...); owned.</summary>
    public required IReadOnlyDictionary<string, Module> Parts { get; init; }

    /// <summary>The LoRAs on its networks.</summary>
    public LoraSet Loras => _loras ??= new LoraSet(Name, Parts);

    /// <summary>The words that it was taught by textual inversion.</summary>
    public TextualInversionSet TextualInversions => _textualInversions ??= new TextualInversionSet(Name, TextEncoder);

    /// <summary>Predicts in latents.</summary>
    public IDenoiser Denoiser => _denoiser ??= DenoiserOf(Network);

    /// <summary>The forward process that the denoiser was trained on.</summary>
    public IDiffusionProcess Process => Scheduler.Process;

    /// <summary>The process at the size of a picture: of a flow whose shift depends on it, the one with that shift.</summary>
    /// <param name="width">Width in pixels.</param>
    /// <param name="height">Height in pixels.</param>
    public IDiffusionProcess ProcessAt(int width, int height) => Scheduler.ProcessFor(width / SizeMultiple * (height / SizeMultiple));

    /// <summary>The U-Net, which control networks and adapters build on; null for transformers.</summary>
    public UNet2DConditionModel? UNet => Network as UNet2DConditionModel;

    /// <summary>Whether the U-Net takes, beside x_t, a mask and the latents of the masked picture.</summary>
    public bool Inpaints => UNet is { } unet && unet.Options.InChannels == (2 * Autoencoder.LatentChannels) + 1;

    /// <summary>A network in place of the model's own, in the same convention: the U-Net with controls around it, for one.</summary>
    /// <param name="network">Used, not owned.</param>
    public IDenoiser DenoiserOf(IConditionalNetwork network) => new Denoiser(network, Prediction, Convention);

    /// <summary>Whether the stream batch can run it.</summary>
    public bool Streams => WhyNotStreamed is null;

    /// <summary>Refuses a model that the stream batch cannot run.</summary>
    /// <exception cref="ArgumentException">Says why.</exception>
    public void CheckStreams()
    {
        if (WhyNotStreamed is { } why)
        {
            throw new ArgumentException($"The model '{Name}' cannot be streamed: {why}. Sample it with a solver instead.");
        }
    }

    /// <summary>Makes the denoising network and the autoencoder fast; see <see cref="InferencePreparation"/>. Text encoders, which run once a prompt, stay as they are.</summary>
    /// <param name="precision">Float32 or bfloat16.</param>
    /// <returns>What is in use, in a few words.</returns>
    public string PrepareForInference(ScalarType precision)
    {
        (Autoencoder as Module)?.PrepareForInference(precision);
        return ((Module)Network).PrepareForInference(precision);
    }

    private string? WhyNotStreamed => Process is not (VariancePreservingProcess or FlowProcess)
            ? $"it was trained on a {Process.GetType().Name}, and a stream needs a {nameof(VariancePreservingProcess)} or a {nameof(FlowProcess)}"
        : Inpaints ? "its U-Net takes a mask beside the picture" : null;

    /// <summary>Releases the networks.</summary>
    public void Dispose()
    {
        _loras?.Dispose();
        _textualInversions?.Dispose();
        foreach (Module part in Parts.Values)
        {
            part.Dispose();
        }
    }
}
