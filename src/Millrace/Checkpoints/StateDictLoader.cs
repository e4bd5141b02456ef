using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Checkpoints;

/// <summary>Puts the tensors of files into the parameters of a network, by name.</summary>
public static class StateDictLoader
{
    private const int Listed = 10;

    // A parameter of Lumina-Next that nothing reads: published files hold whatever memory held.
    private const string Unread = "pad_token";

    /// <summary>Reads every parameter and buffer straight into its place, converted to its type; no second copy of the weights is made.</summary>
    /// <param name="network">Where to; unchanged where the names and shapes do not fit.</param>
    /// <param name="files">Where from: one file, or the shards of one network.</param>
    /// <param name="rename">Name in the file to name in the network; null for a tensor that is passed over. Without it, names are the same.</param>
    /// <param name="held">Which of the network's tensors the files hold; the others stay. Null for all.</param>
    /// <exception cref="InvalidDataException">Where tensors are missing, unexpected or misshapen; names them all at once, each kind up to the tenth; or where a weight is NaN or infinite.</exception>
    public static void Load(Module network, IReadOnlyList<TensorFile> files, Func<string, string?>? rename = null, Func<string, bool>? held = null)
    {
        Dictionary<string, (TensorFile File, TensorEntry Entry)> sources = Check(network, files, rename, held);
        foreach ((string name, Tensor target) in network.state_dict().Where(target => sources.ContainsKey(target.Key)))
        {
            (TensorFile file, TensorEntry entry) = sources[name];
            file.CopyTo(entry.Name, target);
            CheckFinite(target, entry, file);
        }
    }

    /// <summary>One weight that is no number makes every picture black, and says nothing of where it came from.</summary>
    private static void CheckFinite(Tensor target, TensorEntry entry, TensorFile file)
    {
        if (!target.is_floating_point() || target.numel() == 0 || entry.Name == Unread)
        {
            return;
        }

        using var scope = NewDisposeScope();
        (Tensor least, Tensor greatest) = target.detach().aminmax();
        if (!double.IsFinite(least.to(float64).item<double>()) || !double.IsFinite(greatest.to(float64).item<double>()))
        {
            throw new InvalidDataException($"'{file.Path}': tensor '{entry.Name}' holds NaN or infinity in {target.dtype}: its weights are broken.");
        }
    }

    /// <summary>Checks that the files fit a network, which may be one without memory.</summary>
    /// <returns>Name in the network to where the tensor is.</returns>
    /// <inheritdoc cref="Load" path="/param"/>
    /// <inheritdoc cref="Load" path="/exception"/>
    internal static Dictionary<string, (TensorFile File, TensorEntry Entry)> Check(
        Module network, IReadOnlyList<TensorFile> files, Func<string, string?>? rename = null, Func<string, bool>? held = null)
    {
        var sources = new Dictionary<string, (TensorFile File, TensorEntry Entry)>(StringComparer.Ordinal);
        foreach (TensorFile file in files)
        {
            foreach (TensorEntry entry in file.Entries)
            {
                string? name = rename is null ? entry.Name : rename(entry.Name);
                if (name is not null && !sources.TryAdd(name, (file, entry)))
                {
                    throw new InvalidDataException($"'{file.Path}': tensor '{name}' is there twice.");
                }
            }
        }

        var targets = network.state_dict().Where(target => held?.Invoke(target.Key) ?? true).ToDictionary(target => target.Key, target => target.Value);
        string[] problems =
        [
            .. Problem("missing", targets.Where(target => !sources.ContainsKey(target.Key))
                .Select(target => $"{target.Key} {Shape(target.Value.shape)}")),
            .. Problem("unexpected", sources.Where(source => !targets.ContainsKey(source.Key))
                .Select(source => $"{source.Value.Entry.Name} {Shape(source.Value.Entry.Shape)}")),
            .. Problem("misshapen", targets.Where(target => sources.TryGetValue(target.Key, out var source) && !target.Value.shape.SequenceEqual(source.Entry.Shape))
                .Select(target => $"{sources[target.Key].Entry.Name} {Shape(sources[target.Key].Entry.Shape)} instead of {Shape(target.Value.shape)}")),
        ];
        return problems.Length == 0 ? sources
            : throw new InvalidDataException($"'{files[0].Path}' does not hold the weights of this {network.GetName()}: {string.Join("; ", problems)}.");
    }

    private static IEnumerable<string> Problem(string kind, IEnumerable<string> tensors)
    {
        string[] all = [.. tensors];
        string more = all.Length > Listed ? $" and {all.Length - Listed} more" : "";
        return all.Length == 0 ? [] : [$"{all.Length} tensor{(all.Length == 1 ? "" : "s")} {kind} ({string.Join(", ", all.Take(Listed))}{more})"];
    }

    private static string Shape(IEnumerable<long> shape) => $"[{string.Join(", ", shape)}]";
}
