using System.Globalization;
using System.Text.RegularExpressions;
using Millrace.Models.Adapters;
using Millrace.Runtime;

namespace Millrace.Checkpoints;

/// <summary>An IP-Adapter as it is published: a single file with the projection of the picture (<c>image_proj</c>) and the matrices of the attention layers (<c>ip_adapter</c>).</summary>
public static partial class IPAdapterFile
{
    private const string Faces = "perceiver_resampler";

    /// <summary>Loads an adapter.</summary>
    /// <param name="path">The file, safetensors or what <c>torch.save</c> writes.</param>
    /// <returns>The network, in float32 on the CPU; the caller's to dispose.</returns>
    /// <exception cref="FileNotFoundException">Where there is no such file.</exception>
    /// <exception cref="InvalidDataException">Where the file is broken, or is no IP-Adapter of a kind that is computed here; names it.</exception>
    public static IPAdapterModel Load(string path)
    {
        LibTorch.Load();
        using TensorFile file = TensorFile.Open(path);
        var network = new IPAdapterModel(Shape(file));
        try
        {
            StateDictLoader.Load(network, [file], Renamed);
            return network;
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <summary>The shape, read off the tensors.</summary>
    private static IPAdapterOptions Shape(TensorFile file)
    {
        Dictionary<string, IReadOnlyList<long>> shapes = file.Entries.ToDictionary(entry => entry.Name, entry => entry.Shape);
        int Side(string name, int axis) => shapes.TryGetValue(name, out IReadOnlyList<long>? shape) && axis < shape.Count && shape[axis] is > 0 and <= int.MaxValue
            ? (int)shape[axis]
            : throw new InvalidDataException($"'{file.Path}' is no IP-Adapter: it must hold the weights of {name}.");
        bool Holds(string name) => shapes.ContainsKey($"image_proj.{name}");
        if (shapes.Keys.Any(name => name.Contains(Faces, StringComparison.Ordinal) || name.Contains("_lora.", StringComparison.Ordinal)) || (Holds("proj.0.weight") && Holds("norm.weight")))
        {
            throw new InvalidDataException($"'{file.Path}' is an IP-Adapter for faces (FaceID): it takes what a recognizer of faces gives, and is not supported; those that take a picture are.");
        }

        int[] layers = [.. shapes.Keys.Select(name => Layer().Match(name)).Where(match => match.Success).Select(match => Number(match.Groups[1].Value)).Order()];
        int context = Side($"ip_adapter.{layers.FirstOrDefault(1)}.to_k_ip.weight", 1);
        var options = new IPAdapterOptions { ContextWidth = context, LayerWidths = [.. layers.Select(layer => Side($"ip_adapter.{layer}.to_k_ip.weight", 0))] };
        return Holds("latents") ? options with
        {
            Kind = IPAdapterKind.Plus,
            ImageWidth = Side("image_proj.proj_in.weight", 1),
            Tokens = Side("image_proj.latents", 1),
            InnerWidth = Side("image_proj.latents", 2),
            Depth = shapes.Keys.Count(name => ResamplerLayer().IsMatch(name)),
            Heads = Math.Max(1, Side("image_proj.layers.0.0.to_q.weight", 0) / IPAdapterOptions.HeadWidth),
            FeedForwardWidth = Side("image_proj.layers.0.1.1.weight", 0),
        }
        : Holds("proj.3.weight") ? options with
        {
            Kind = IPAdapterKind.Full,
            ImageWidth = Side("image_proj.proj.0.weight", 1),
            InnerWidth = Side("image_proj.proj.0.weight", 0),
        }
        : options with
        {
            ImageWidth = Side("image_proj.proj.weight", 1),
            Tokens = Math.Max(1, Side("image_proj.proj.weight", 0) / context),
        };
    }

    /// <summary>The original counts all attention layers, of which those to the text are every second.</summary>
    private static string Renamed(string name) =>
        AnyLayer().Replace(name, match => $"ip_adapter.{(Number(match.Groups[1].Value) - 1) / 2}.");

    private static int Number(string digits) => int.Parse(digits, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^ip_adapter\.(\d{1,6})\.to_k_ip\.weight$")]
    private static partial Regex Layer();

    [GeneratedRegex(@"^ip_adapter\.(\d{1,6})\.")]
    private static partial Regex AnyLayer();

    [GeneratedRegex(@"^image_proj\.layers\.\d+\.0\.to_q\.weight$")]
    private static partial Regex ResamplerLayer();
}
