namespace Millrace.Models.Autoencoders;

/// <summary>How a <see cref="TiledAutoencoder"/> cuts its work.</summary>
public sealed record TilingOptions
{
    /// <summary>Side of a tile in latents; at least 8.</summary>
    public int TileSize { get; init; } = 64;

    /// <summary>Latents that neighbouring tiles share, over which one fades into the other; at least 0 and at most half of <see cref="TileSize"/>.</summary>
    public int Overlap { get; init; } = 16;

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Names the option, the value seen and the values allowed.</exception>
    public void Validate()
    {
        if (TileSize < 8)
        {
            throw new ArgumentOutOfRangeException(nameof(TileSize), $"{nameof(TileSize)} must be at least 8, got {TileSize}.");
        }

        if (Overlap < 0 || Overlap > TileSize / 2)
        {
            throw new ArgumentOutOfRangeException(nameof(Overlap), $"{nameof(Overlap)} must be from 0 to {TileSize / 2}, half of {nameof(TileSize)}, got {Overlap}.");
        }
    }
}
