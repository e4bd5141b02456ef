using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Models.Transformers;

/// <summary>Vectors for the places of a grid: half of each tells the column, half the row, sines before cosines in both (arXiv 2212.09748; MAE, arXiv 2111.06377).</summary>
internal static class SinusoidalPositions
{
    /// <param name="width">Width of a vector; divisible by 4.</param>
    /// <param name="rows">Rows of the grid.</param>
    /// <param name="columns">Columns of the grid.</param>
    /// <param name="baseSide">Side of the grid that the network was trained on, over which any grid is laid.</param>
    /// <param name="scale">What places are divided by.</param>
    /// <param name="like">Whose type and device the result has.</param>
    /// <returns>[1, rows * columns, width]; the caller's to dispose.</returns>
    public static Tensor Of(int width, long rows, long columns, int baseSide, double scale, Tensor like)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor Axis(long count)
        {
            double[] angles = new double[count * (width / 4)];
            for (int place = 0; place < count; place++)
            {
                double position = (float)(place / (count / (double)baseSide) / scale);
                for (int index = 0; index < width / 4; index++)
                {
                    angles[(place * (width / 4)) + index] = position * Math.Pow(10000, -index / (width / 4.0));
                }
            }

            Tensor table = tensor(angles, [count, width / 4]);
            return cat([sin(table), cos(table)], dim: -1);
        }

        Tensor across = Axis(columns).unsqueeze(0).expand(rows, columns, -1), down = Axis(rows).unsqueeze(1).expand(rows, columns, -1);
        return cat([across, down], dim: -1).view(1, rows * columns, width).to(like.dtype).to(like.device).MoveToOuterDisposeScope();
    }
}
