namespace Millrace.Checkpoints;

/// <summary>Which published models a model is like.</summary>
public enum ModelFamily
{
    /// <summary>Stable Diffusion 1.x and 2.x, latent consistency models, inpainting ones.</summary>
    StableDiffusion,

    /// <summary>SDXL: base, Turbo, Lightning, inpainting.</summary>
    StableDiffusionXL,

    /// <summary>SDXL's refiner.</summary>
    StableDiffusionXLRefiner,

    /// <summary>Stable Diffusion 3 and 3.5.</summary>
    StableDiffusion3,

    /// <summary>FLUX.1 dev and schnell.</summary>
    Flux,

    /// <summary>PixArt-alpha and PixArt-sigma.</summary>
    PixArt,

    /// <summary>Lumina-Next.</summary>
    Lumina,

    /// <summary>DiT: pictures of classes.</summary>
    DiT,

    /// <summary>DDPM: pictures without any condition.</summary>
    Unconditional,
}
