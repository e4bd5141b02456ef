namespace Millrace.Checkpoints.Families;

/// <summary>The pipelines of diffusers whose models are loaded, and the family of each.</summary>
internal static class PipelineClasses
{
    private static readonly Dictionary<string, Func<ModelFolder, DiffusionModel>> Known = new()
    {
        ["StableDiffusionPipeline"] = StableDiffusion.Assemble,
        ["StableDiffusionImg2ImgPipeline"] = StableDiffusion.Assemble,
        ["StableDiffusionInpaintPipeline"] = StableDiffusion.Assemble,
        ["LatentConsistencyModelPipeline"] = StableDiffusion.Assemble,
        ["StableDiffusionXLPipeline"] = StableDiffusionXL.Assemble,
        ["StableDiffusionXLImg2ImgPipeline"] = StableDiffusionXL.Assemble,
        ["StableDiffusionXLInpaintPipeline"] = StableDiffusionXL.Assemble,
        ["StableDiffusion3Pipeline"] = StableDiffusion3.Assemble,
        ["StableDiffusion3Img2ImgPipeline"] = StableDiffusion3.Assemble,
        ["FluxPipeline"] = Flux.Assemble,
        ["PixArtAlphaPipeline"] = PixArt.Assemble,
        ["PixArtSigmaPipeline"] = PixArt.Assemble,
        ["LuminaText2ImgPipeline"] = Lumina.Assemble,
        ["LuminaPipeline"] = Lumina.Assemble,
        ["DiTPipeline"] = DiT.Assemble,
        ["DDPMPipeline"] = Unconditional.Assemble,
        ["DDIMPipeline"] = Unconditional.Assemble,
        ["PNDMPipeline"] = Unconditional.Assemble,
        [Unconditional.OwnPipeline] = Unconditional.Assemble,
    };

    /// <summary>The model of a folder, of the family that its index names.</summary>
    /// <exception cref="InvalidDataException">Where the family is not known.</exception>
    public static DiffusionModel Assemble(ModelFolder folder) =>
        folder.Index.Pipeline is not { } pipeline ? StableDiffusion.Assemble(folder)
        : Known.TryGetValue(pipeline, out Func<ModelFolder, DiffusionModel>? assemble) ? assemble(folder)
        : throw folder.Index.Refusal(string.Join(", ", Known.Keys));
}
