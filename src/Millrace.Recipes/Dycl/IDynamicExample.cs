using Millrace.Runtime.Programs;
using static TorchSharp.torch;

namespace Millrace.Recipes.Dycl;

/// <summary>A small network whose way depends on its input.</summary>
internal interface IDynamicExample : IDisposable
{
    /// <summary>Name for the record.</summary>
    string Title { get; }

    /// <summary>Itself as a program.</summary>
    TensorProgram Program();

    /// <summary>An input of one row, in the dispose scope of the caller.</summary>
    /// <param name="index">Number of the call, from 0.</param>
    /// <param name="generator">Source of randomness.</param>
    Value[] Draw(int index, Generator generator);

    /// <summary>The method as it was written, in the dispose scope of the caller.</summary>
    Tensor Plain(Value[] inputs);
}
