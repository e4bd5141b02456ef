using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models;

internal static class ModuleExtensions
{
    /// <summary>The type of the parameters, to which inputs are cast.</summary>
    public static ScalarType Precision(this Module module) => module.parameters().First().dtype;

    /// <summary>Registers parts under their names.</summary>
    public static void Register(this Module module, IReadOnlyList<(string Name, Module Part)> parts)
    {
        foreach ((string name, Module part) in parts)
        {
            module.register_module(name, part);
        }
    }
}
