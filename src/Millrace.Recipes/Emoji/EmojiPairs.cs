using Millrace.Checkpoints;
using Millrace.Distillation;
using Millrace.Guidance;
using Millrace.Models;
using Millrace.Models.TextEncoders;
using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Recipes.Emoji;

/// <summary>Noise and what the teacher makes of it in many guided steps, with the caption it was told.</summary>
internal sealed class EmojiPairs : IDisposable
{
    private const int Batch = 1024;
    private const double EmptyPromptShare = 0.05;

    private readonly Tensor _noise, _sample, _tokens;

    private EmojiPairs(Tensor noise, Tensor sample, Tensor tokens) => (_noise, _sample, _tokens) = (noise, sample, tokens);

    /// <summary>Makes the pairs, or reads those that were made before by this teacher.</summary>
    /// <param name="examples">Where the captions come from.</param>
    /// <param name="teacher">The teacher.</param>
    /// <param name="count">How many.</param>
    /// <param name="file">Where they are kept.</param>
    /// <param name="device">Where they are wanted.</param>
    /// <param name="cancellation">Ends the work.</param>
    public static EmojiPairs Make(EmojiExamples examples, StableDiffusionParts teacher, int count, string file, Device device, CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        using var random = new SeededRandom(11, device);
        Tensor rows = examples.Rows(count, random);
        Tensor tokens = where(random.Uniform(count, 1).IsBelow(EmptyPromptShare), examples.EmptyTokens, examples.Describe(rows, random).Tokens);
        using var denoiser = new CaptionedTeacher(teacher, tokens, new ClipTextEncoder(teacher.TextModel, teacher.Tokenizer), device);
        var origin = new PairOrigin(WeightFingerprint.Of(teacher.UNet), TeacherSampling.Description);
        if (!File.Exists(file))
        {
            int side = EmojiShapes.Side / teacher.Autoencoder.SpatialFactor;
            using PairStore made = PairGeneration.Run(
                TeacherSampling.Over(denoiser, teacher.Process), 1, [teacher.Autoencoder.LatentChannels, side, side], count, origin, seed: 12, Batch, classes: count, cancellation: cancellation);
            made.Save(file);
        }

        using PairStore pairs = PairStore.Load(file, origin.Teacher);
        return new EmojiPairs(
            pairs.Noise.to(device, copy: true).DetachFromDisposeScope(), pairs.Sample.to(device, copy: true).DetachFromDisposeScope(),
            tokens.index_select(0, pairs.Classes!.to(device)).DetachFromDisposeScope());
    }

    /// <summary>Draws pairs: noise and samples [B, C, H, W], captions [B, N].</summary>
    public (Tensor Noise, Tensor Sample, Tensor Tokens) Draw(int rows, SeededRandom random)
    {
        using Tensor index = random.Integers(_noise.shape[0], rows);
        return (_noise.index_select(0, index), _sample.index_select(0, index), _tokens.index_select(0, index));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _noise.Dispose();
        _sample.Dispose();
        _tokens.Dispose();
    }

    /// <summary>The guided teacher, told captions by their numbers.</summary>
    private sealed class CaptionedTeacher : IDenoiser, IDisposable
    {
        private readonly ClassifierFreeGuidance _guided;
        private readonly StableDiffusionParts _teacher;
        private readonly Conditioning _empty;
        private readonly Tensor _tokens;
        private readonly Device _device;

        public CaptionedTeacher(StableDiffusionParts teacher, Tensor tokens, ClipTextEncoder encoder, Device device)
        {
            (_teacher, _tokens, _device) = (teacher, tokens, device);
            _empty = encoder.Encode([""]);
            _guided = new ClassifierFreeGuidance(new Denoiser(teacher.UNet, teacher.Prediction), _empty, TeacherSampling.GuidanceScale);
        }

        public PredictionType Prediction => _teacher.Prediction;

        public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning)
        {
            using var scope = NewDisposeScope();
            Tensor text = _teacher.TextModel.call(_tokens.index_select(0, conditioning.ClassLabels!.to(_device)));
            return _guided.Predict(x.to(_device), t.to(_device), new Conditioning(text)).to(x.device).MoveToOuterDisposeScope();
        }

        public void Dispose() => _empty.Dispose();
    }
}
