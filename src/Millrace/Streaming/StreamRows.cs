using Millrace.Guidance;
using static TorchSharp.torch;

namespace Millrace.Streaming;

/// <summary>
/// What one stream asks of the network for its next tick. Rows of several streams may share one call: each row is predicted as
/// if it were alone. Until the prediction is given to <see cref="StreamBatch.Complete"/>, nothing of the stream has changed.
/// </summary>
internal sealed class StreamRows : IDisposable
{
    /// <summary>Noised latents, [rows, C, h, w]: those predicted under the negative prompt first, then one for each frame and level.</summary>
    public required Tensor X { get; init; }

    /// <summary>Timestep of each row, [rows].</summary>
    public required Tensor Timesteps { get; init; }

    /// <summary>One row for each of <see cref="X"/>; the stream's own, valid until its next tick.</summary>
    public required Conditioning Conditioning { get; init; }

    /// <summary>Number of rows.</summary>
    public int Count => (int)X.shape[0];

    /// <summary>The frames of each level, newest first.</summary>
    public required IReadOnlyList<StreamGroup> Groups { get; init; }

    /// <summary>Constants of each level.</summary>
    public required LevelConstants At { get; init; }

    /// <summary>The type that takes effect.</summary>
    public required GuidanceType Guidance { get; init; }

    /// <summary>x_t of the newest group, [1, f, C, h, w].</summary>
    public required Tensor Input { get; init; }

    /// <summary>The virtual noise of each row, moved on with its frame, [n, f, C, h, w].</summary>
    public required Tensor Stock { get; init; }

    /// <inheritdoc/>
    public void Dispose()
    {
        X.Dispose();
        Timesteps.Dispose();
        Input.Dispose();
        Stock.Dispose();
    }
}
