using System.CommandLine;
using Millrace.Checkpoints;
using Millrace.Imaging;
using Millrace.Models;
using Millrace.Models.Adapters;
using Millrace.Models.ImageEncoders;
using Millrace.Pipelines;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Cli.Commands;

/// <summary>The networks that the options name beside the model, each with the picture that it is shown. Owns the networks.</summary>
internal sealed class ShownNetworks : IDisposable
{
    private readonly List<Module> _networks = [];

    public List<ControlPicture> Controls { get; } = [];

    public List<AdapterPicture> Adapters { get; } = [];

    public List<ImagePrompt> ImagePrompts { get; } = [];

    /// <summary>Loads them.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="precision">Arithmetic of the networks.</param>
    /// <param name="read">From the path of a picture to the picture.</param>
    /// <param name="fit">Brings a picture to the size that is drawn.</param>
    public static async Task<ShownNetworks> LoadAsync(ParseResult parsed, ScalarType precision, Func<string, Task<Frame>> read, FrameFit fit)
    {
        var shown = new ShownNetworks();
        try
        {
            foreach (ControlWord word in parsed.GetValue(SolverOptionSet.Control)!)
            {
                ControlNetModel network = shown.Own(ControlNetFolder.Load(word.Path), precision);
                shown.Controls.Add(new ControlPicture(network, fit.Apply(await read(word.Picture)), word.Strength));
            }

            foreach (ControlWord word in parsed.GetValue(SolverOptionSet.Adapter)!)
            {
                T2IAdapterModel network = shown.Own(T2IAdapterFile.Load(word.Path), precision);
                shown.Adapters.Add(new AdapterPicture(network, fit.Apply(await read(word.Picture)), word.Strength));
            }

            var encoders = new Dictionary<string, ClipVisionModel>();
            foreach (ControlWord word in parsed.GetValue(SolverOptionSet.ImagePrompt)!)
            {
                IPAdapterModel network = shown.Own(IPAdapterFile.Load(word.Path), precision);
                string folder = EncoderFolder(parsed, word.Path);
                if (!encoders.TryGetValue(folder, out ClipVisionModel? encoder))
                {
                    encoders.Add(folder, encoder = shown.Own(ImageEncoderFolder.Load(folder), precision));
                }

                shown.ImagePrompts.Add(new ImagePrompt(network, encoder, await read(word.Picture), word.Strength));
            }

            return shown;
        }
        catch
        {
            shown.Dispose();
            throw;
        }
    }

    public void Dispose() => _networks.ForEach(network => network.Dispose());

    /// <summary>The folder that is named; else the one beside the adapter, else the model's own.</summary>
    private static string EncoderFolder(ParseResult parsed, string adapter)
    {
        string[] usual = [Path.Combine(Path.GetDirectoryName(Path.GetFullPath(adapter))!, ImageEncoderFolder.Name), Path.Combine(parsed.GetValue(ModelOptionSet.Model)!, ImageEncoderFolder.Name)];
        return parsed.GetValue(SolverOptionSet.ImageEncoder) ?? usual.FirstOrDefault(Directory.Exists)
            ?? throw new ArgumentException($"--image-prompt needs the picture encoder that '{adapter}' was trained with, and there is no folder '{usual[0]}': name it with {SolverOptionSet.ImageEncoder.Name}.");
    }

    private T Own<T>(T network, ScalarType precision)
        where T : Module
    {
        _networks.Add(network);
        network.PrepareForInference(precision);
        return network;
    }
}
