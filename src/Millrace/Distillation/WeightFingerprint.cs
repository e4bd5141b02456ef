using System.Security.Cryptography;
using System.Text;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Distillation;

/// <summary>A name for a network's weights that changes with any of them.</summary>
public static class WeightFingerprint
{
    /// <summary>The first 16 hexadecimal digits of the SHA-256 of all parameters and buffers, with their names.</summary>
    public static string Of(Module network)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach ((string name, Tensor weight) in network.state_dict().OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            using var scope = NewDisposeScope();
            hash.AppendData(Encoding.UTF8.GetBytes(name));
            hash.AppendData(weight.detach().cpu().contiguous().bytes);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset())[..16];
    }
}
