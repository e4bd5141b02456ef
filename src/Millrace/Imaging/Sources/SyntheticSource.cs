using System.Runtime.CompilerServices;
using SkiaSharp;

namespace Millrace.Imaging.Sources;

/// <summary>
/// Rough colour strokes that move: a demonstration that needs no file. The same seed draws the same frames. A share of the
/// time nothing moves, for what saves work on still frames.
/// </summary>
public sealed class SyntheticSource : IFrameSource
{
    private const double Period = 40; // frames of one motion, then of the pause that belongs to it

    private readonly int _count;
    private readonly int _side;
    private readonly double _stillShare;
    private readonly double _framesPerSecond;
    private readonly (SKColor Colour, double Phase, double Radius, double Orbit)[] _blots;

    /// <summary>Describes a scene.</summary>
    /// <param name="count">Number of frames; at least 1.</param>
    /// <param name="side">Side of the square frames in pixels; at least 8.</param>
    /// <param name="seed">Of places and colours.</param>
    /// <param name="stillShare">Share of frames in which nothing moves, in [0, 1).</param>
    /// <param name="framesPerSecond">Pace; above 0.</param>
    public SyntheticSource(int count = 120, int side = 64, int seed = 14, double stillShare = 0, double framesPerSecond = 12)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(side, 8);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(framesPerSecond);
        if (!(stillShare is >= 0 and < 1))
        {
            throw new ArgumentOutOfRangeException(nameof(stillShare), stillShare, "The share of still frames must be in [0, 1).");
        }

        (_count, _side, _stillShare, _framesPerSecond) = (count, side, stillShare, framesPerSecond);
        var random = new Random(seed);
        float hue = random.Next(360);
        _blots = [.. Enumerable.Range(0, 3).Select(index => (
            SKColor.FromHsv((hue + (index * 47)) % 360, 75, 95),
            random.NextDouble() * Math.Tau,
            index == 0 ? 0.3 : 0.1,
            index == 0 ? 0.08 : 0.27))];
    }

    /// <inheritdoc/>
    public int? Count => _count;

    /// <inheritdoc/>
    public double? FramesPerSecond => _framesPerSecond;

    /// <inheritdoc/>
    public async IAsyncEnumerable<Frame> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        for (int id = 0; id < _count; id++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return Draw(id);
            await Task.Yield();
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>Time of the scene at a frame, in frames of motion: it stands still for the share of each period that is asked for.</summary>
    private double SceneTime(int id)
    {
        double moving = Math.Max(1, Math.Round(Period * (1 - _stillShare)));
        return (Math.Floor(id / Period) * moving) + Math.Min(id % Period, moving);
    }

    private Frame Draw(int id)
    {
        double turn = SceneTime(id) * Math.Tau / 90;
        using var bitmap = new SKBitmap(new SKImageInfo(_side, _side, SKColorType.Rgba8888, SKAlphaType.Opaque));
        using (var canvas = new SKCanvas(bitmap))
        {
            canvas.Clear(SKColors.White);
            foreach ((SKColor colour, double phase, double radius, double orbit) in _blots)
            {
                using var paint = new SKPaint { Color = colour, IsAntialias = true };
                double x = 0.5 + (orbit * Math.Cos(turn + phase)), y = 0.5 + (orbit * Math.Sin(turn + phase));
                canvas.DrawCircle((float)(x * _side), (float)(y * _side), (float)(radius * _side), paint);
            }
        }

        return SkiaFrames.FromBitmap(bitmap, id, TimeSpan.FromSeconds(id / _framesPerSecond));
    }
}
