using Millrace.Models.Layers;
using static TorchSharp.torch.nn;

namespace Millrace.Models;

/// <summary>A network whose options say in what it differs from its architecture.</summary>
internal interface IRestructuredNetwork
{
    /// <summary>In what it differs.</summary>
    StructureChanges Changes { get; }

    /// <summary>A network of the same options with other changes; its parameters have no values.</summary>
    Module With(StructureChanges changes, TensorOptions tensors);
}
