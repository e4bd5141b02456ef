using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models;

internal static class ModuleExtensions
{
    /// <summary>The type of the parameters, to which inputs are cast.</summary>
    public static ScalarType Precision(this Module module) => module.parameters().First().dtype;
}
