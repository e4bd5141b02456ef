using Millrace.Evaluation;
using Millrace.Models;
using Millrace.Models.Layers;
using Millrace.Models.UNets;
using Millrace.Training;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Recipes.Worlds;

/// <summary>Networks that learn <see cref="PictureShapes"/> as flows, and the judge of what they draw.</summary>
internal static class PictureWorld
{
    public const int Batch = 32, SampleSteps = 10;

    private const int JudgeSteps = 400, JudgeBatch = 64;

    /// <summary>Options for networks of small pictures.</summary>
    public static TrainerOptions Options(int steps, double learningRate = 2e-3) => Training.Options(steps, learningRate) with { AverageDecay = 0.99, LogEvery = Math.Clamp(steps / 8, 1, 100), CheckpointEvery = 100 };

    /// <summary>A U-Net of two resolutions with attention at both.</summary>
    /// <param name="seed">Of its weights.</param>
    /// <param name="layers">Residual blocks of each resolution on the way down.</param>
    public static UNet2DModel UNet(long seed, int layers = 3)
    {
        using var generator = new Generator((ulong)seed);
        return new UNet2DModel(new UNet2DOptions
        {
            InChannels = PictureShapes.Channels,
            OutChannels = PictureShapes.Channels,
            SampleSize = PictureShapes.Side,
            BlockOutChannels = [16, 32],
            DownBlockTypes = [UNetBlockType.SelfAttention, UNetBlockType.SelfAttention],
            UpBlockTypes = [UNetBlockType.SelfAttention, UNetBlockType.SelfAttention],
            LayersPerBlock = layers,
            AttentionHeadDim = 8,
            NormNumGroups = 4,
            ClassEmbedding = UNetClassEmbedding.Table,
            NumClassEmbeds = PictureShapes.Classes,
        }).Initialize(generator);
    }

    /// <summary>Trains a network as a flow on the pictures.</summary>
    public static void Teach<T>(this RecipeContext context, string arm, T network, int steps)
        where T : Module, IConditionalNetwork =>
        context.Train(
            arm, new RegressionObjective(network, new AutogradDenoiser(network, PredictionType.Flow, ScalarType.Float32), FlowSampling.Process, PictureShapes.Independent(Batch)),
            Options(context.Steps(steps)));

    /// <summary>A classifier of the shapes; the caller's to dispose.</summary>
    public static PictureClassifier Judge(this RecipeContext context)
    {
        using var generator = new Generator((ulong)context.Seed + 50);
        PictureClassifier judge = new ConvolutionalClassifier(PictureShapes.Classes).Initialize(generator);
        context.Train("judge", new ClassificationObjective(judge, Labelled, (_, _) => { }), Options(context.Steps(JudgeSteps)));
        judge.eval();
        return judge;
    }

    /// <summary>Pictures that a flow draws, as many of each class, always from the same noise; the caller's to dispose.</summary>
    public static Tensor Sample(IConditionalNetwork network, int count, long seed)
    {
        using var scope = NewDisposeScope();
        using var random = new SeededRandom(seed, CPU);
        Tensor noise = random.Normal(count, PictureShapes.Channels, PictureShapes.Side, PictureShapes.Side);
        return FlowSampling.Euler(new Denoiser(network, PredictionType.Flow), SampleSteps).Follow(noise, Classes(count)).MoveToOuterDisposeScope();
    }

    /// <summary>Frechet distance of drawn pictures to fresh ones of the world, in the eyes of the judge.</summary>
    public static double Frechet(PictureClassifier judge, Tensor drawn, long seed)
    {
        using var scope = NewDisposeScope();
        using var random = new SeededRandom(seed, CPU);
        return FrechetDistance.Between(judge.Features(drawn), judge.Features(PictureShapes.Draw(Classes((int)drawn.shape[0]), random)));
    }

    /// <summary>Labels 0, 1, ..., 5, 0, ... of <see cref="Sample"/>, [count]; the caller's to dispose.</summary>
    public static Tensor Classes(int count)
    {
        using Tensor all = TensorArithmetic.Indices(count), classes = TensorArithmetic.Indices(1).Plus(PictureShapes.Classes);
        return all.remainder(classes);
    }

    private static (Tensor Images, Tensor Labels) Labelled(long seed)
    {
        using var random = new SeededRandom(seed, CPU);
        Tensor labels = random.Integers(PictureShapes.Classes, JudgeBatch);
        return (PictureShapes.Draw(labels, random), labels);
    }
}
