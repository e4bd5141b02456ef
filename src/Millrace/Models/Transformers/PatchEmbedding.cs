using Millrace.Models.Layers;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Transformers;

/// <summary>A picture to tokens, one for each patch, row by row: [B, C, H, W] to [B, N, width], without positions.</summary>
internal sealed class PatchEmbedding : Module<Tensor, Tensor>
{
    private const string Table = "pos_embed";

    [ComponentName(Name = "proj")]
    private readonly Convolution2d _projection;

    private readonly int _tableSide;

    /// <param name="channels">C.</param>
    /// <param name="width">Width of the tokens.</param>
    /// <param name="patch">Side of a patch.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    /// <param name="tableSide">Side of the square table of positions that checkpoints store; null where they store none.</param>
    public PatchEmbedding(int channels, int width, int patch, TensorOptions tensors, int? tableSide = null)
        : base(nameof(PatchEmbedding))
    {
        _projection = new Convolution2d(channels, width, kernelSize: patch, stride: patch, options: tensors);
        _tableSide = tableSide ?? 0;
        RegisterComponents();
        if (tableSide is { } side)
        {
            register_buffer(Table, empty(new long[] { 1, (long)side * side, width }, dtype: tensors.Precision, device: tensors.Device ?? CPU).DetachFromDisposeScope());
        }
    }

    public override Tensor forward(Tensor x)
    {
        using DisposeScope scope = NewDisposeScope();
        return _projection.call(x).flatten(2).transpose(1, 2).MoveToOuterDisposeScope();
    }

    /// <summary>The middle of the stored table, [1, rows * columns, width], in the dispose scope of the caller.</summary>
    /// <exception cref="ArgumentException">Where the table is smaller.</exception>
    public Tensor StoredPositions(long rows, long columns)
    {
        if (rows > _tableSide || columns > _tableSide)
        {
            throw new ArgumentException($"x must have at most {_tableSide} x {_tableSide} patches, got {rows} x {columns}.");
        }

        return get_buffer(Table)!.view(1, _tableSide, _tableSide, -1)
            .narrow(1, (_tableSide - rows) / 2, rows).narrow(2, (_tableSide - columns) / 2, columns).flatten(1, 2);
    }

    /// <summary>Tokens of patch values back to a picture: [B, rows * columns, patch * patch * C], channels innermost, to [B, C, rows * patch, columns * patch].</summary>
    public static Tensor Join(Tensor tokens, long rows, long columns, int patch)
    {
        long rowsOfBatch = tokens.shape[0], channels = tokens.shape[2] / (patch * patch);
        return tokens.view(rowsOfBatch, rows, columns, patch, patch, channels).permute(0, 5, 1, 3, 2, 4)
            .reshape(rowsOfBatch, channels, rows * patch, columns * patch);
    }
}
