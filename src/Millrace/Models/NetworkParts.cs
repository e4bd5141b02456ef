using static TorchSharp.torch.nn;

namespace Millrace.Models;

/// <summary>Some parts of a network as a module, for what trains them alone. It does not own them, and is not to be disposed.</summary>
internal sealed class NetworkParts : Module
{
    /// <param name="network">The network.</param>
    /// <param name="names">Names of parts, none within another.</param>
    public NetworkParts(Module network, IEnumerable<string> names)
        : base(nameof(NetworkParts))
    {
        Dictionary<string, Module> parts = network.named_modules().ToDictionary(part => part.name, part => part.module);
        foreach (string name in names)
        {
            register_module(name.Replace('.', '_'), parts[name]);
        }
    }
}
