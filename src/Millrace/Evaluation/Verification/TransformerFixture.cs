using Millrace.Models;
using Millrace.Models.Transformers;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Evaluation.Verification;

/// <summary>A transformer over pictures: one prediction.</summary>
/// <param name="className">The class that the configuration must name.</param>
/// <param name="build">Reads a configuration and builds the network.</param>
internal sealed class TransformerFixture(string className, Func<string, Module> build) : NetworkFixture(
    className,
    [
        "sample", "hidden_states", "timestep", "encoder_hidden_states", "encoder_attention_mask", "encoder_mask", "pooled_projections",
        "guidance", "class_labels", "resolution", "aspect_ratio", "img_ids", "txt_ids",
    ],
    ["out"])
{
    /// <summary>One for every class of diffusers that is computed here.</summary>
    public static IEnumerable<IFixtureKind> All =>
    [
        new TransformerFixture("Transformer2DModel", BuildByNorm),
        new TransformerFixture("DiTTransformer2DModel", path => new DiTTransformer2DModel(TransformerConfig.ReadDiT(path))),
        new TransformerFixture("PixArtTransformer2DModel", path => new PixArtTransformer2DModel(TransformerConfig.ReadPixArt(path))),
        new TransformerFixture("SD3Transformer2DModel", path => new SD3Transformer2DModel(TransformerConfig.ReadStableDiffusion3(path))),
        new TransformerFixture("FluxTransformer2DModel", path => new FluxTransformer2DModel(TransformerConfig.ReadFlux(path))),
        new TransformerFixture("LuminaNextDiT2DModel", path => new LuminaNextDiT2DModel(TransformerConfig.ReadLumina(path))),
    ];

    protected override IReadOnlyList<string> Required => ["timestep"];

    protected override IEnumerable<Tensor?> Compute(FixtureFolder folder, IReadOnlyDictionary<string, Tensor> inputs)
    {
        using Module network = ReadConfig(folder, build);
        FixtureWeights.Load(network, folder);
        Tensor x = inputs.GetValueOrDefault("hidden_states") ?? inputs.GetValueOrDefault("sample")
            ?? throw new InvalidDataException("The fixture holds neither \"hidden_states\" nor \"sample\".");
        Conditioning conditioning = ConditioningOf(inputs);
        if (inputs.TryGetValue("resolution", out Tensor? resolution))
        {
            conditioning = conditioning with { SizeIds = cat([resolution.to(float32), inputs["aspect_ratio"].to(float32).view(-1, 1)], dim: -1) };
        }

        return network is FluxTransformer2DModel flux
            ? [flux.PredictTokens(x, inputs["timestep"], conditioning, Places(inputs["img_ids"]), Places(inputs["txt_ids"]))]
            : [((IConditionalNetwork)network).Predict(x, inputs["timestep"], conditioning)];
    }

    // Some versions give the same places once more for every row.
    private static Tensor Places(Tensor ids) => ids.dim() == 3 ? ids[0] : ids;

    private static Module BuildByNorm(string path) => TransformerConfig.NormType(path) == "ada_norm_single"
        ? new PixArtTransformer2DModel(TransformerConfig.ReadPixArt(path))
        : new DiTTransformer2DModel(TransformerConfig.ReadDiT(path));
}
