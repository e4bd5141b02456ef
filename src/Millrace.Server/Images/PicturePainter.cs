using Millrace.Imaging;
using Millrace.Pipelines;
using Millrace.Server.Models;
using Millrace.Solvers;
using static TorchSharp.torch;

namespace Millrace.Server.Images;

/// <summary>Draws the pictures of a request with a model.</summary>
internal sealed class PicturePainter(HostedModel hosted, ImageRequest request)
{
    private const double UsualStrength = 0.7;

    private readonly (int Width, int Height) _drawn = DrawnSize(hosted, request.Size);

    /// <summary>How the pictures are drawn, for the record.</summary>
    public GenerationOptions Options => new()
    {
        Width = _drawn.Width,
        Height = _drawn.Height,
        Steps = request.Steps ?? StepsOf(request.Quality),
        GuidanceScale = request.GuidanceScale,
        NegativePrompt = request.NegativePrompt,
        Seed = request.Seed,
    };

    /// <summary>Draws one after another.</summary>
    /// <param name="progress">Told after every evaluation of the network.</param>
    /// <param name="partial">Given an unfinished picture, as many of them a picture as asked for.</param>
    /// <param name="cancellationToken">Ends the drawing.</param>
    public IEnumerable<Frame> Draw(IProgress<SamplingProgress> progress, Action<Frame, int> partial, CancellationToken cancellationToken)
    {
        var report = new Reporter(progress, request.PartialImages, (sample, index) => partial(Deliver(Decode(sample)), index));
        var fit = new FrameFit(_drawn.Width, _drawn.Height, FitMode.Crop);
        IEnumerable<Frame> pictures = (request.Picture, request.Mask) switch
        {
            (null, _) => TextToImage.Generate(hosted.Model, request.Prompt, Options, request.Count, report, cancellationToken),
            ({ } picture, null) => ImageToImage.Generate(
                hosted.Model, fit.Apply(picture), request.Prompt, Options, request.Strength ?? UsualStrength, request.Count, report, cancellationToken),
            ({ } picture, { } mask) => Inpainting.Generate(
                hosted.Model, fit.Apply(picture), fit.Apply(mask), request.Prompt, Options, request.Strength ?? 1, request.Count, report, cancellationToken),
        };
        return pictures.Select(Deliver);
    }

    private Frame Decode(Tensor sample)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        return PixelConversion.ToFrame(hosted.Model.Autoencoder.Decode(sample.narrow(0, 0, 1)), 0, TimeSpan.Zero);
    }

    private Frame Deliver(Frame drawn) => request.Size is { } size ? new FrameFit(size.Width, size.Height, FitMode.Crop).Apply(drawn) : drawn;

    /// <summary>A model draws well near the size that it was trained at: a larger picture is drawn in its proportions there, and enlarged.</summary>
    private static (int Width, int Height) DrawnSize(HostedModel hosted, (int Width, int Height)? size)
    {
        (int side, int multiple) = (hosted.Model.DefaultSize, hosted.Model.SizeMultiple);
        if (size is not { } asked)
        {
            return (side, side);
        }

        double scale = Math.Min(1, side / Math.Sqrt((double)asked.Width * asked.Height));
        int Fitted(int length) => Math.Max(multiple, (int)Math.Round(length * scale / multiple) * multiple);
        return (Fitted(asked.Width), Fitted(asked.Height));
    }

    private static int? StepsOf(string quality) => quality switch
    {
        "low" => 8,
        "medium" or "standard" or "auto" => 20,
        _ => null,
    };

    private sealed class Reporter(IProgress<SamplingProgress> progress, int partialImages, Action<Tensor, int> partial) : IProgress<SamplingProgress>
    {
        public void Report(SamplingProgress value)
        {
            progress.Report(value);
            if (value.Of is { } all)
            {
                for (int index = 0; index < partialImages; index++)
                {
                    if (value.Evaluations == Math.Max(1, all * (index + 1) / (partialImages + 1)))
                    {
                        partial(value.Sample, index);
                        break;
                    }
                }
            }
        }
    }
}
