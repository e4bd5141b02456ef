using Millrace.Models;
using Millrace.Models.Layers;
using Millrace.Models.Transformers;
using Millrace.Tests.Support;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Tests.Models;

/// <summary>What every transformer backbone holds to; agreement with the references is the work of <c>millrace verify</c>.</summary>
public sealed class TransformerTests
{
    private static readonly DiTOptions DiT = new() { NumLayers = 2, NumAttentionHeads = 2, AttentionHeadDim = 8, NumClasses = 10, SampleSize = 8 };

    private static readonly PixArtOptions PixArt = new() { NumLayers = 2, NumAttentionHeads = 2, AttentionHeadDim = 12, CrossAttentionDim = 24, CaptionChannels = 6, SampleSize = 8, UseAdditionalConditions = true };

    private static readonly StableDiffusion3Options StableDiffusion3 = new()
    {
        InChannels = 4,
        OutChannels = 4,
        NumLayers = 2,
        NumAttentionHeads = 2,
        AttentionHeadDim = 8,
        JointAttentionDim = 6,
        PooledProjectionDim = 5,
        PosEmbedMaxSize = 6,
        NormalizesQueriesAndKeys = true,
    };

    private static readonly FluxOptions Flux = new()
    {
        InChannels = 16,
        NumLayers = 1,
        NumSingleLayers = 1,
        NumAttentionHeads = 2,
        AttentionHeadDim = 16,
        AxesDimsRope = [4, 6, 6],
        JointAttentionDim = 6,
        PooledProjectionDim = 5,
        GuidanceEmbeds = true,
    };

    private static readonly LuminaOptions Lumina = new() { HiddenSize = 32, NumLayers = 2, NumAttentionHeads = 4, NumKeyValueHeads = 2, MultipleOf = 8, CrossAttentionDim = 6 };

    public static TheoryData<string> Names => ["dit", "pixart", "sd3", "flux", "lumina"];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_row_does_not_depend_on_the_rows_beside_it(string name)
    {
        using var scope = NewDisposeScope();
        using Module network = Build(name);
        (Tensor x, Tensor t, Conditioning conditioning) = Inputs(name);
        Tensor together = ((IConditionalNetwork)network).Predict(x, t, conditioning);

        Assert.Equal(x.shape[0], together.shape[0]);
        Assert.Equal(x.shape[2..], together.shape[2..]);
        for (int row = 0; row < 2; row++)
        {
            Tensor alone = ((IConditionalNetwork)network).Predict(x.narrow(0, row, 1), t.narrow(0, row, 1), conditioning.Select(part => part.narrow(0, row, 1)));
            Assert.True(Golden.RelativeError(alone, together.narrow(0, row, 1)) < 1e-4);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_denoiser_leaves_no_tensor_behind_and_stays_close_in_bfloat16(string name)
    {
        using var scope = NewDisposeScope();
        using Module network = Build(name);
        (Tensor x, Tensor t, Conditioning conditioning) = Inputs(name);
        var denoiser = new Denoiser((IConditionalNetwork)network, PredictionType.Flow);
        Tensor plain = denoiser.Predict(x, t, conditioning);
        Living.StaysConstant(() => denoiser.Predict(x, t, conditioning).Dispose(), repeats: 5);

        network.to(bfloat16);
        Assert.True(Golden.RelativeError(plain, denoiser.Predict(x, t, conditioning)) < 0.1);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Prepared_for_inference_it_computes_the_same(string name)
    {
        using var scope = NewDisposeScope();
        using Module network = Build(name);
        (Tensor x, Tensor t, Conditioning conditioning) = Inputs(name);
        var denoiser = new Denoiser((IConditionalNetwork)network, PredictionType.Flow);
        Tensor plain = denoiser.Predict(x, t, conditioning);
        network.PrepareForInference(float32);

        Assert.True(Golden.RelativeError(plain, denoiser.Predict(x, t, conditioning)) < 1e-4);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Conditions_that_are_missing_and_shapes_that_do_not_fit_are_refused(string name)
    {
        using var scope = NewDisposeScope();
        using Module network = Build(name);
        (Tensor x, Tensor t, Conditioning conditioning) = Inputs(name);
        var backbone = (IConditionalNetwork)network;

        Assert.Throws<ArgumentException>("x", () => backbone.Predict(x[.., .., ..5], t, conditioning));
        Assert.Throws<ArgumentException>("t", () => backbone.Predict(x, t[..1], conditioning));
        if (name != "lumina")
        {
            Assert.Throws<ArgumentException>("conditioning", () => backbone.Predict(x, t, new Conditioning(conditioning.Text)));
        }
    }

    [Fact]
    public void Attention_of_rotary_positions_depends_on_differences_alone()
    {
        using var scope = NewDisposeScope();
        using FluxTransformer2DModel network = (FluxTransformer2DModel)Build("flux");
        (_, Tensor t, Conditioning conditioning) = Inputs("flux");
        Tensor tokens = randn([2, 6, 16], generator: new Generator(3)), ids = TensorArithmetic.Indices(18, type: float32).view(6, 3), words = zeros(5, 3);
        Tensor first = network.PredictTokens(tokens, t, conditioning, ids, words);

        Assert.True(Golden.RelativeError(first, network.PredictTokens(tokens, t, conditioning, ids.Plus(7), words.Plus(7))) < 1e-4);
        Assert.True(Golden.RelativeError(first, network.PredictTokens(tokens, t, conditioning, ids.Times(2), words)) > 1e-3);
    }

    [Fact]
    public void Lumina_extrapolates_by_factors_that_do_nothing_at_one_and_ignores_masked_words()
    {
        using var scope = NewDisposeScope();
        using var network = (LuminaNextDiT2DModel)Build("lumina");
        (Tensor x, Tensor t, Conditioning conditioning) = Inputs("lumina");
        Tensor plain = network.Predict(x, t, conditioning);
        int tokens = (int)(x.shape[2] * x.shape[3] / 4);

        Assert.True(plain.Equals(network.Predict(x, t, conditioning, LuminaExtrapolation.TimeAware(1, 0.1))));
        Assert.True(plain.Equals(network.Predict(x, t, conditioning, new LuminaExtrapolation { TrainedTokens = tokens })));
        Assert.False(plain.Equals(network.Predict(x, t, conditioning, LuminaExtrapolation.TimeAware(2, 0.1))));

        Tensor mask = ones(2, 5);
        mask[.., 3..].Fill(0);
        Tensor changed = conditioning.Text.clone();
        changed[.., 3..].Fill(9);
        Assert.True(Golden.RelativeError(network.Predict(x, t, conditioning with { TextMask = mask }), network.Predict(x, t, new Conditioning(changed) { TextMask = mask })) < 1e-5);
        Assert.Throws<ArgumentException>("conditioning", () => network.Predict(x, t, conditioning with { TextMask = zeros(2, 5) }));
    }

    internal static Module Build(string name)
    {
        Module network = name switch
        {
            "dit" => new DiTTransformer2DModel(DiT),
            "pixart" => new PixArtTransformer2DModel(PixArt),
            "sd3" => new SD3Transformer2DModel(StableDiffusion3),
            "flux" => new FluxTransformer2DModel(Flux),
            _ => new LuminaNextDiT2DModel(Lumina),
        };
        using var generator = new Generator(1);
        using IDisposable _ = no_grad();

        // Parameters and tables that belong to no layer are drawn as well.
        foreach (Tensor value in network.state_dict().Values)
        {
            value.normal_(0, 0.1, generator);
        }

        return network.Initialize(generator);
    }

    internal static (Tensor X, Tensor T, Conditioning Conditioning) Inputs(string name)
    {
        var generator = new Generator(2);
        return (
            randn([2, 4, 8, 12], generator: generator),
            tensor([0.2f, 0.9f]),
            new Conditioning(randn([2, 5, 6], generator: generator))
            {
                PooledText = name is "sd3" or "flux" ? randn([2, 5], generator: generator) : null,
                Guidance = name == "flux" ? tensor([3.5f, 1f]) : null,
                ClassLabels = name == "dit" ? tensor([3L, 10L]) : null,
                SizeIds = name == "pixart" ? tensor([512f, 512, 1, 1024, 512, 2], [2, 3]) : null,
            });
    }
}
