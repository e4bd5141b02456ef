using Millrace.Runtime.Kernels.Int8;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Millrace.Models.Layers;

/// <summary>A layer that can compute in integers: one product of its input with a matrix of weights.</summary>
internal interface IQuantizableLayer
{
    /// <summary>[out, in, kernel, kernel] or [out, in].</summary>
    Parameter Weight { get; }

    /// <summary>Whether it computes in integers.</summary>
    bool IsQuantized { get; }

    /// <summary>Multiply-adds that it takes for one row of an input.</summary>
    long OperationsPerRow(Tensor input);

    /// <summary>Computes in integers from here on, and never again in the precision of its parameters.</summary>
    /// <param name="weights">[out, kernel, kernel, in] or [out, in], int8; not owned.</param>
    /// <param name="scales">Scale of each output's weights, [out]; not owned.</param>
    /// <param name="input">What the bytes of its input stand for.</param>
    void Quantize(Tensor weights, Tensor scales, ByteScale input);
}
