using Millrace.Models.Layers;
using Millrace.Models.TextEncoders;
using Millrace.Models.UNets;
using Millrace.Processes;
using Millrace.Tests.Support;
using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Tests.Training;

public sealed class DenoisingObjectiveTests
{
    private static readonly VariancePreservingProcess Process = VariancePreservingProcess.StableDiffusion;

    [Fact]
    public void The_loss_is_the_distance_to_the_velocity()
    {
        using var scope = NewDisposeScope();
        using TextConditionalNetwork network = Network();
        DenoisingBatch batch = Batch(1);
        using var objective = new DenoisingObjective(network, Process, _ => batch, float32, (_, _) => { });

        // From its own target, v is a noise - b x_0.
        (Tensor alpha, Tensor sigma) = Process.Coefficients(batch.Timesteps);
        Tensor x = (alpha * batch.Target).Plus(sigma * batch.Noise);
        Tensor velocity = (alpha * batch.Noise).Minus(sigma * batch.Target);
        double expected = network.call(x, batch.Timesteps, batch.Tokens).Minus(velocity).Squared().mean().item<float>();
        Assert.Equal(expected, objective.Loss(0).item<float>(), 1e-4 * expected);
    }

    [Fact]
    public void From_strokes_the_velocity_leads_to_the_picture()
    {
        using var scope = NewDisposeScope();
        using TextConditionalNetwork network = Network();
        DenoisingBatch batch = Batch(1) with { Start = randn(3, 4, 8, 8) };
        using var objective = new DenoisingObjective(network, Process, _ => batch, float32, (_, _) => { });

        (Tensor alpha, Tensor sigma) = Process.Coefficients(batch.Timesteps);
        Tensor x = (alpha * batch.Start).Plus(sigma * batch.Noise);
        Tensor found = PredictionConversion.ToSample(PredictionType.VPrediction, network.call(x, batch.Timesteps, batch.Tokens), x, alpha, sigma);
        double expected = (found.Minus(batch.Target) / sigma).Squared().mean().item<float>();
        Assert.Equal(expected, objective.Loss(0).item<float>(), 1e-3 * expected);
    }

    [Fact]
    public void Text_encoder_and_denoiser_are_both_trained()
    {
        using var scope = NewDisposeScope();
        using TextConditionalNetwork network = Network();
        using var objective = new DenoisingObjective(network, Process, Batch, float32, (_, _) => { });
        objective.Loss(1).backward();
        Assert.All(network.UNet.parameters(), parameter => Assert.NotNull(parameter.grad));
        Assert.Contains(network.TextEncoder.parameters(), parameter => parameter.grad is { } gradient && gradient.abs().sum().item<float>() > 0);
    }

    [Fact]
    public void No_tensor_outlives_a_loss()
    {
        using TextConditionalNetwork network = Network();
        using var objective = new DenoisingObjective(network, Process, Batch, float32, (_, _) => { });
        Living.StaysConstant(() => objective.Loss(1).Dispose(), repeats: 5);
    }

    [Fact]
    public void Timesteps_lie_on_the_grid_and_half_of_them_at_its_noisy_end()
    {
        using var scope = NewDisposeScope();
        using var random = new SeededRandom(1, CPU);
        var grid = new TimestepGrid(NoisyShare: 0.2);
        long[] drawn = grid.Draw(4000, random).data<long>().ToArray();
        Assert.All(drawn, t => Assert.Equal(19, t % 20));
        Assert.Equal((19, 999), (drawn.Min(), drawn.Max()));

        // Half of the draws, and a fifth of the other half.
        Assert.Equal(0.6, drawn.Count(t => t >= 819) / 4000.0, 0.03);
    }

    private static TextConditionalNetwork Network()
    {
        using var initial = new Generator(1);
        var unet = new UNet2DConditionModel(new UNet2DConditionOptions
        {
            BlockOutChannels = [8, 16],
            DownBlockTypes = [UNetBlockType.Plain, UNetBlockType.CrossAttention],
            UpBlockTypes = [UNetBlockType.CrossAttention, UNetBlockType.Plain],
            LayersPerBlock = 1,
            NumAttentionHeads = [1, 2],
            NormNumGroups = 4,
            CrossAttentionDim = 8,
        });
        var text = new ClipTextModel(new ClipTextOptions
        {
            VocabSize = 10,
            HiddenSize = 8,
            IntermediateSize = 16,
            NumHiddenLayers = 1,
            NumAttentionHeads = 2,
            MaxPositionEmbeddings = 4,
            EosTokenId = 9,
        });
        return new TextConditionalNetwork(unet.Initialize(initial), text.Initialize(initial));
    }

    private static DenoisingBatch Batch(long seed)
    {
        using var random = new SeededRandom(seed, CPU);
        Tensor latent = random.Normal(3, 4, 8, 8);
        return new DenoisingBatch(latent, latent, random.Normal(3, 4, 8, 8), tensor(new long[] { 999, 499, 19 }), random.Integers(10, 3, 4));
    }
}
