using Millrace.Models.TextEncoders;
using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Recipes.Emoji;

/// <summary>Draws what the emoji denoiser learns from: pictures moved about, encoded, with captions, some of them started from strokes.</summary>
internal sealed class EmojiBatches : IDisposable
{
    private const int CaptionsOfPicture = 16;
    private const double EmptyPromptShare = 0.1;
    private const double StrokeShare = 1.0 / 3;

    // Below, the picture itself shows through; above, the noise hides the strokes, and with them the place.
    private const long FirstStrokeTimestep = 339;
    private const long LastStrokeTimestep = 839;

    private readonly IAutoencoder _autoencoder;
    private readonly Device _device;
    private readonly TimestepGrid _grid;
    private readonly int _size;
    private readonly Augmentation _movesFromNoise;
    private readonly Augmentation _movesFromStrokes;
    private readonly Tensor _pixels;
    private readonly Tensor _tokens;

    /// <summary>Prepares everything on one device.</summary>
    /// <param name="set">The pictures.</param>
    /// <param name="autoencoder">Trained, on the device; used, not owned.</param>
    /// <param name="encoder">Gives the tokens.</param>
    /// <param name="grid">Law of the timesteps.</param>
    /// <param name="size">Rows of a batch.</param>
    /// <param name="movesFromNoise">How pictures are moved that are started from themselves.</param>
    /// <param name="movesFromStrokes">How pictures are moved that are started from strokes.</param>
    /// <param name="device">Where.</param>
    public EmojiBatches(
        EmojiSet set, IAutoencoder autoencoder, ClipTextEncoder encoder, TimestepGrid grid, int size,
        Augmentation movesFromNoise, Augmentation movesFromStrokes, Device device)
    {
        (_autoencoder, _device, _grid, _size) = (autoencoder, device, grid, size);
        (_movesFromNoise, _movesFromStrokes) = (movesFromNoise, movesFromStrokes);
        var random = new Random(1);
        string[] captions = [.. set.Pictures.SelectMany(picture => EmojiCaptions.Of(picture, CaptionsOfPicture, random))];
        _pixels = set.Pixels.to(device, copy: true).DetachFromDisposeScope();
        using Tensor tokens = encoder.Tokens(captions);
        _tokens = tokens.view(set.Pictures.Count, CaptionsOfPicture, -1).to(device, copy: true).DetachFromDisposeScope();
        EmptyTokens = encoder.Tokens([""]).to(device).DetachFromDisposeScope();
    }

    /// <summary>The empty prompt, [1, N].</summary>
    public Tensor EmptyTokens { get; }

    /// <summary>The batch of a seed.</summary>
    public DenoisingBatch Draw(long seed)
    {
        using IDisposable noGrad = no_grad();
        using var random = new SeededRandom(seed, _device);
        Tensor rows = random.Integers(_pixels.shape[0], _size);
        Tensor pictures = _pixels.index_select(0, rows);
        Tensor timesteps = _grid.Draw(_size, random);

        Tensor sketched = (random.Uniform(_size).IsBelow(StrokeShare) & timesteps.IsBelow(FirstStrokeTimestep).logical_not() & timesteps.IsBelow(LastStrokeTimestep + 1)).view(-1, 1, 1, 1);
        Tensor images = where(sketched, _movesFromStrokes.Apply(pictures, random), _movesFromNoise.Apply(pictures, random));
        Tensor latent = _autoencoder.Encode(images);
        Tensor start = where(sketched, _autoencoder.Encode(StrokePictures.Of(images, random)), latent);

        Tensor caption = _tokens[rows, random.Integers(CaptionsOfPicture, _size)];
        Tensor tokens = where(random.Uniform(_size, 1).IsBelow(EmptyPromptShare), EmptyTokens, caption);
        return new DenoisingBatch(latent, start, random.Normal(latent.shape), timesteps, tokens);
    }

    public void Dispose()
    {
        _pixels.Dispose();
        _tokens.Dispose();
        EmptyTokens.Dispose();
    }
}
