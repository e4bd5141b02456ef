namespace Millrace.Checkpoints;

/// <summary>What a file or a folder of weights holds.</summary>
public enum CheckpointKind
{
    /// <summary>Nothing that is known here.</summary>
    Unknown,

    /// <summary>Stable Diffusion 1.x.</summary>
    StableDiffusion1,

    /// <summary>Stable Diffusion 2.x.</summary>
    StableDiffusion2,

    /// <summary>SDXL.</summary>
    StableDiffusionXL,

    /// <summary>SDXL's refiner.</summary>
    StableDiffusionXLRefiner,

    /// <summary>Stable Diffusion 3 or 3.5.</summary>
    StableDiffusion3,

    /// <summary>FLUX.1 dev, whose network takes the guidance scale.</summary>
    FluxDev,

    /// <summary>FLUX.1 schnell.</summary>
    FluxSchnell,

    /// <summary>A model folder of another family.</summary>
    OtherModel,

    /// <summary>A denoising network alone, in the names of diffusers.</summary>
    DenoisingNetwork,

    /// <summary>An autoencoder alone.</summary>
    Autoencoder,

    /// <summary>A tiny autoencoder alone.</summary>
    TinyAutoencoder,

    /// <summary>A text encoder alone.</summary>
    TextEncoder,

    /// <summary>Low-rank changes of a model (LoRA and its kin).</summary>
    LowRankAdapter,

    /// <summary>A control network.</summary>
    ControlNet,

    /// <summary>An adapter that is shown a sketch (T2I-Adapter).</summary>
    SketchAdapter,

    /// <summary>An adapter by which a picture prompts (IP-Adapter).</summary>
    ImagePromptAdapter,

    /// <summary>An encoder of pictures alone.</summary>
    ImageEncoder,

    /// <summary>Motion modules for clips.</summary>
    MotionModule,

    /// <summary>Learned words.</summary>
    TextualInversion,
}
