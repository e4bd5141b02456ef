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

    /// <summary>Takes parts out, for good.</summary>
    public static void Discard(this Module module, Func<string, bool> which)
    {
        foreach ((string name, Module part) in module.named_children().Where(child => which(child.name)).ToArray())
        {
            module.register_module(name, null!); // takes the name out
            part.Dispose();
        }
    }
}
