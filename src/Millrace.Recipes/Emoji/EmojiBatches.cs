using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Recipes.Emoji;

/// <summary>Draws what the emoji denoiser learns from: pictures moved about, encoded, with captions, some of them started from strokes.</summary>
internal sealed class EmojiBatches
{
    private const double EmptyPromptShare = 0.1;
    private const double StrokeShare = 1.0 / 3;

    // Below, the picture itself shows through; above, the noise hides the strokes, and with them the place.
    private const long FirstStrokeTimestep = 339;
    private const long LastStrokeTimestep = 839;

    private readonly IAutoencoder _autoencoder;
    private readonly EmojiExamples _examples;
    private readonly Device _device;
    private readonly TimestepGrid _grid;
    private readonly int _size;
    private readonly Augmentation _movesFromNoise;
    private readonly Augmentation _movesFromStrokes;

    /// <summary>Prepares everything on one device.</summary>
    /// <param name="examples">On the device; used, not owned.</param>
    /// <param name="autoencoder">Trained, on the device; used, not owned.</param>
    /// <param name="grid">Law of the timesteps.</param>
    /// <param name="size">Rows of a batch.</param>
    /// <param name="movesFromNoise">How pictures are moved that are started from themselves.</param>
    /// <param name="movesFromStrokes">How pictures are moved that are started from strokes.</param>
    /// <param name="device">Where.</param>
    public EmojiBatches(
        EmojiExamples examples, IAutoencoder autoencoder, TimestepGrid grid, int size, Augmentation movesFromNoise, Augmentation movesFromStrokes, Device device)
    {
        (_examples, _autoencoder, _device, _grid, _size) = (examples, autoencoder, device, grid, size);
        (_movesFromNoise, _movesFromStrokes) = (movesFromNoise, movesFromStrokes);
    }

    /// <summary>The batch of a seed.</summary>
    public DenoisingBatch Draw(long seed)
    {
        using IDisposable noGrad = no_grad();
        using var random = new SeededRandom(seed, _device);
        Tensor rows = _examples.Rows(_size, random), pictures = _examples.Pictures(rows);
        (Tensor grounds, Tensor caption) = _examples.Describe(rows, random);
        Tensor timesteps = _grid.Draw(_size, random);

        Tensor sketched = (random.Uniform(_size).IsBelow(StrokeShare) & timesteps.IsBelow(FirstStrokeTimestep).logical_not() & timesteps.IsBelow(LastStrokeTimestep + 1)).view(-1, 1, 1, 1);
        Tensor images = EmojiExamples.Stand(where(sketched, _movesFromStrokes.Apply(pictures, random), _movesFromNoise.Apply(pictures, random)), grounds);
        Tensor latent = _autoencoder.Encode(images);
        Tensor start = where(sketched, _autoencoder.Encode(StrokePictures.Of(images, random)), latent);

        Tensor tokens = where(random.Uniform(_size, 1).IsBelow(EmptyPromptShare), _examples.EmptyTokens, caption);
        return new DenoisingBatch(latent, start, random.Normal(latent.shape), timesteps, tokens);
    }
}
