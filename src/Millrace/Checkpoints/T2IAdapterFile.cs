using System.Text.RegularExpressions;
using Millrace.Models.Adapters;
using Millrace.Runtime;

namespace Millrace.Checkpoints;

/// <summary>A T2I-Adapter as people have it: a folder in the layout of diffusers, or a single file with the names of the original.</summary>
public static partial class T2IAdapterFile
{
    // The original always has four widths; the picture's pixels are folded 8 x 8 or, for SDXL, 16 x 16.
    private const int Widths = 4, Factor = 8, FactorXl = 16;

    /// <summary>Loads an adapter.</summary>
    /// <param name="path">The folder or the file.</param>
    /// <returns>The network, in float32 on the CPU; the caller's to dispose.</returns>
    /// <exception cref="IOException">Where there is nothing at the path.</exception>
    /// <exception cref="InvalidDataException">Where a file is missing or broken, or is no T2I-Adapter; names it.</exception>
    public static T2IAdapterModel Load(string path)
    {
        LibTorch.Load();
        if (Directory.Exists(path))
        {
            return ModelFolder.Load(path, null, folder => folder.Network("", T2IAdapterConfig.Read, (shape, tensors) => new T2IAdapterModel(shape, tensors)));
        }

        using TensorFile file = TensorFile.Open(path);
        T2IAdapterOptions options = Shape(file);
        var network = new T2IAdapterModel(options);
        try
        {
            StateDictLoader.Load(network, [file], name => Renamed(name, options));
            return network;
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <summary>The shape of a single file, read off its tensors.</summary>
    private static T2IAdapterOptions Shape(TensorFile file)
    {
        var entries = file.Entries.ToDictionary(entry => Plain(entry.Name), entry => entry.Shape);
        bool light = entries.Keys.Any(name => name.EndsWith("out_conv.weight", StringComparison.Ordinal));
        string first = light ? "body.0.in_conv.weight" : "conv_in.weight";
        int blocks = entries.Keys.Select(name => Block().Match(name)).Where(match => match.Success).Select(match => match.Value).Distinct().Count();
        if (!entries.TryGetValue(first, out IReadOnlyList<long>? shape) || shape.Count != 4 || blocks == 0 || (!light && blocks % Widths != 0))
        {
            throw new InvalidDataException($"'{file.Path}' is no T2I-Adapter: it must hold {first} and residual blocks named body.N.block1 or body.N.body.M.block1.");
        }

        int folded = (int)shape[1], factor = folded % (FactorXl * FactorXl) == 0 ? FactorXl : Factor;
        int stages = light ? entries.Keys.Count(name => name.EndsWith("out_conv.weight", StringComparison.Ordinal)) : Widths;
        int each = blocks / stages;
        int Width(int stage) => (int)entries[light ? $"body.{stage}.out_conv.weight" : $"body.{stage * each}.block2.weight"][0];
        return new T2IAdapterOptions
        {
            Kind = light ? T2IAdapterKind.Light : factor == FactorXl ? T2IAdapterKind.FullXl : T2IAdapterKind.Full,
            InChannels = folded / (factor * factor),
            Channels = [.. Enumerable.Range(0, light ? stages - 1 : stages).Select(Width)],
            ResidualBlocks = each,
            DownscaleFactor = factor,
        };
    }

    /// <summary>The original counts residual blocks through; diffusers counts those of a width.</summary>
    private static string Renamed(string name, T2IAdapterOptions options)
    {
        string plain = Plain(name);
        if (options.Kind == T2IAdapterKind.Light)
        {
            return "adapter." + LightResidual().Replace(plain, "body.$1.resnets.$2.block");
        }

        return "adapter." + FullPart().Replace(plain, match =>
        {
            int index = int.Parse(match.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture), stage = index / options.ResidualBlocks;
            string part = match.Groups[2].Value;
            return part.StartsWith("in_conv", StringComparison.Ordinal) ? $"body.{stage}.{part}" : $"body.{stage}.resnets.{index % options.ResidualBlocks}.{part}";
        });
    }

    private static string Plain(string name) => name.StartsWith("adapter.", StringComparison.Ordinal) ? name["adapter.".Length..] : name;

    [GeneratedRegex(@"^body\.\d+\.(body\.\d+\.)?block1(?=\.weight$)")]
    private static partial Regex Block();

    [GeneratedRegex(@"^body\.(\d+)\.body\.(\d+)\.block")]
    private static partial Regex LightResidual();

    [GeneratedRegex(@"^body\.(\d+)\.(.+)$")]
    private static partial Regex FullPart();
}
