using Millrace.Checkpoints;
using Millrace.Checkpoints.Schedulers;
using Millrace.Guidance;
using Millrace.Imaging;
using Millrace.Models;
using Millrace.Models.Adapters;
using Millrace.Models.Autoencoders;
using Millrace.Models.ImageEncoders;
using Millrace.Models.UNets;
using Millrace.Processes;
using Millrace.Solvers;
using static TorchSharp.torch;

namespace Millrace.Pipelines;

/// <summary>What the pipelines over a solver share: prompts to conditioning, options to a solver, noise to latents to pictures.</summary>
internal sealed class PictureSampler
{
    // Side of the largest picture that is decoded at once; larger ones are decoded tile by tile.
    private const int LargestWhole = 1024;

    // Shares of red, green and blue in grey (ITU-R BT.601).
    private static readonly float[] Luma = [0.299f, 0.587f, 0.114f];

    private readonly DiffusionModel _model;
    private readonly GenerationOptions _options;
    private readonly DiffusersScheduler _scheduler;
    private readonly IAutoencoder _autoencoder;

    /// <exception cref="ArgumentException">Where the options are outside their range or do not fit the model.</exception>
    public PictureSampler(DiffusionModel model, GenerationOptions options)
    {
        options.Validate();
        (_model, _options, _scheduler) = (model, options, options.Scheduler ?? model.Scheduler);
        (Width, Height) = (options.Width ?? model.DefaultSize, options.Height ?? model.DefaultSize);
        if (Width % model.SizeMultiple != 0 || Height % model.SizeMultiple != 0)
        {
            throw new ArgumentException($"Width and height must be multiples of {model.SizeMultiple} for this model, got {Width} x {Height}.", nameof(options));
        }

        if (options.NeedsUNet && model.UNet is null)
        {
            throw new ArgumentException($"Control networks, adapters, image prompts and perturbed attention work on U-Nets; the model '{model.Name}' is of the family {model.Family}.", nameof(options));
        }

        _autoencoder = Math.Max(Width, Height) > LargestWhole && model.Autoencoder is not PixelSpace ? new TiledAutoencoder(model.Autoencoder) : model.Autoencoder;
        Steps = options.Steps ?? (_scheduler.IsFewStep ? Math.Min(4, model.Defaults.Steps) : model.Defaults.Steps);
        Scale = options.GuidanceScale ?? (_scheduler.IsFewStep && !model.EmbedsGuidance ? 1 : model.Defaults.GuidanceScale);
    }

    public int Width { get; }

    public int Height { get; }

    public int Steps { get; }

    public double Scale { get; }

    /// <summary>The solver with its steps laid out.</summary>
    public SamplingPlan Plan(int skippedSteps = 0)
    {
        // FLUX lays its noise levels out before the shift, from all to one nth of it.
        IReadOnlyList<double>? sigmas = _model.Family == ModelFamily.Flux && _scheduler.Process is FlowProcess
            ? [.. Enumerable.Range(0, Steps).Select(step => 1 - ((double)step / Steps))] : null;
        int tokens = Width / _model.SizeMultiple * (Height / _model.SizeMultiple);
        return _scheduler.Plan(Steps, new SamplingPlanOptions { SkippedSteps = skippedSteps, Tokens = tokens, Sigmas = sigmas });
    }

    /// <summary>A picture to latents, [1, C, h, w].</summary>
    /// <exception cref="ArgumentException">Where it has another size.</exception>
    public Tensor Encode(Frame picture, Tensor? kept = null)
    {
        CheckSize(picture, "The picture");
        using var scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor image = PixelConversion.ToTensor(picture);
        return _autoencoder.Encode(kept is null ? image : image * kept).MoveToOuterDisposeScope();
    }

    /// <summary>Samples latents, one row for each seed.</summary>
    public Tensor Sample(string prompt, IReadOnlyList<long> seeds, SamplingStart start, IProgress<SamplingProgress>? progress, CancellationToken cancellationToken)
    {
        using IDisposable noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var noise = new SeededNoise(seeds);
        SamplingPlan plan = Plan(start.SkippedSteps);
        Tensor like = zeros(seeds.Count, _model.Autoencoder.LatentChannels, Height / _autoencoder.SpatialFactor, Width / _autoencoder.SpatialFactor);
        NoiseLevel first = plan.Solver.First;
        Tensor x = start.Unfinished
            ?? (start.SkippedSteps == 0 ? noise.Draw(like).Times(plan.InitialNoiseScale) : start.Picture!.Times(first.Alpha).Plus(noise.Draw(like).Times(first.Sigma)));
        SampleConstraint? constraint = start is { Mask: { } mask, Masked: null } ? SampleConstraint.Known(start.Picture!, mask, plan.Constraint) : plan.Constraint;
        var sampler = new Sampler(Guided(start), plan.Solver, constraint);
        return sampler.Sample(x, Condition(prompt, negative: false, seeds.Count), noise.Draw, progress, start.Evaluations, cancellationToken).MoveToOuterDisposeScope();
    }

    /// <summary>Latents to pictures, decoded one by one.</summary>
    public Frame[] Decode(Tensor latents, long firstId)
    {
        using IDisposable noGrad = no_grad();
        return [.. Enumerable.Range(0, (int)latents.shape[0]).Select(row =>
        {
            using var scope = NewDisposeScope();
            return PixelConversion.ToFrame(_autoencoder.Decode(latents.narrow(0, row, 1).to(float32)), firstId + row, TimeSpan.Zero);
        })];
    }

    /// <summary>Pictures of one prompt, in batches, each with a seed of its own.</summary>
    public IEnumerable<Frame> Draw(string prompt, int count, Func<SamplingStart> start, IProgress<SamplingProgress>? progress, CancellationToken cancellationToken)
    {
        foreach (int[] ids in Enumerable.Range(0, count).Chunk(_options.Batch))
        {
            cancellationToken.ThrowIfCancellationRequested();
            Frame[] frames;
            using (NewDisposeScope())
            {
                frames = Decode(Sample(prompt, [.. ids.Select(id => _options.Seed + id)], start(), progress, cancellationToken), ids[0]);
            }

            foreach (Frame frame in frames)
            {
                yield return frame;
            }
        }
    }

    /// <exception cref="ArgumentException">Where a picture has another size than those that are drawn.</exception>
    public void CheckSize(Frame picture, string what)
    {
        if ((picture.Width, picture.Height) != (Width, Height))
        {
            throw new ArgumentException($"{what} must be {Width} x {Height}, as the pictures that are drawn, got {picture.Width} x {picture.Height}.", nameof(picture));
        }
    }

    private IDenoiser Guided(SamplingStart start)
    {
        IDenoiser denoiser = _model.DenoiserOf(Network(start));
        IDenoiser Perturbed() => _model.DenoiserOf(Network(start, new PerturbedAttention(_model.UNet!, _options.PerturbedAttentionLayers)));
        PerturbedAttentionGuidance? perturbed = _options.PerturbedAttentionScale > 0 ? new(denoiser, Perturbed(), _options.PerturbedAttentionScale, _options.GuidanceInterval) : null;
        if (Scale <= 1 || _model.EmbedsGuidance || _model.Family == ModelFamily.Unconditional)
        {
            return (IDenoiser?)perturbed ?? denoiser;
        }

        Conditioning negative = Condition(_options.NegativePrompt, negative: true, rows: 1);
        return _options.ProjectedGuidance is { } projected
            ? new AdaptiveProjectedGuidance(denoiser, _model.Process, negative, Scale, projected with { Interval = _options.GuidanceInterval ?? projected.Interval })
            : new ClassifierFreeGuidance(
                denoiser, negative, Scale, new GuidanceOptions { Rescale = _options.GuidanceRescale, Interval = _options.GuidanceInterval, Perturbed = perturbed });
    }

    private Conditioning Condition(string prompt, bool negative, int rows)
    {
        Conditioning one = _model.TextEncoder.Encode([prompt]);
        if (_model.Family == ModelFamily.StableDiffusionXLRefiner)
        {
            // What is kept away from has another aesthetic score, the last number.
            float[] sizes = _model.Convention.SizeIds!(Height, Width);
            one = one with { SizeIds = tensor(negative ? [.. sizes[..^1], StableDiffusionXLRefiner.NegativeScore] : sizes).unsqueeze(0) };
        }

        if (_model.EmbedsGuidance)
        {
            one = one with { Guidance = TensorArithmetic.Filled(_model.Family == ModelFamily.Flux ? Scale : Scale - 1, shape: 1) };
        }

        one = one with { ImageTokens = [.. _options.ImagePrompts.Select(picture => negative ? picture.Network.TokensOfNothing(picture.Encoder) : Tokens(picture))] };
        return one.Select(part => part.expand([rows, .. part.shape[1..]]));
    }

    private IConditionalNetwork Network(SamplingStart start, params IReadOnlyList<IUNetAttachment> further)
    {
        IUNetAttachment[] attachments =
            [.. _options.Controls.Select(Control), .. _options.Adapters.Select(Adapter), .. _options.ImagePrompts.Select(ImagePrompt), .. _options.Attachments, .. further];
        IConditionalNetwork network = start.Network ?? (attachments.Length > 0 ? new AttachedUNet(_model.UNet!, attachments) : _model.Network);
        return start is { Mask: { } mask, Masked: { } masked } ? new InpaintingNetwork(network, mask, masked) : network;
    }

    private Control Control(ControlPicture control)
    {
        Tensor picture = Shown(control.Picture, "The picture of a control network").to(control.Network.Precision());
        return new Control(control.Network, _model.UNet!, control.Network.Hint(picture), control.Strength, _model.Process.TrainTimesteps);
    }

    private T2IAdapter Adapter(AdapterPicture adapter)
    {
        Tensor picture = Shown(adapter.Picture, "The picture of an adapter");
        Tensor seen = adapter.Network.Options.InChannels == 1 ? (picture * tensor(Luma).view(1, 3, 1, 1)).sum(1, keepdim: true) : picture;
        IReadOnlyList<Tensor> features = adapter.Network.Features(seen.to(adapter.Network.Precision()));
        return new T2IAdapter(adapter.Network.Options, _model.UNet!, features, adapter.Strength, _model.Process.TrainTimesteps);
    }

    private IPAdapter ImagePrompt(ImagePrompt prompt, int index) => new(prompt.Network, _model.UNet!, index, prompt.Strength, _model.Process.TrainTimesteps);

    private static Tensor Tokens(ImagePrompt prompt)
    {
        using Tensor pixels = ClipPicture.ToPixels(Unit(prompt.Picture), prompt.Encoder.Options.ImageSize);
        return prompt.Network.Tokens(prompt.Encoder, pixels);
    }

    /// <summary>A picture of the size that is drawn, in [0, 1].</summary>
    private Tensor Shown(Frame picture, string what)
    {
        CheckSize(picture, what);
        return Unit(picture);
    }

    /// <summary>A picture in [0, 1].</summary>
    private static Tensor Unit(Frame picture) => PixelConversion.ToTensor(picture).Plus(1).Times(0.5);
}
