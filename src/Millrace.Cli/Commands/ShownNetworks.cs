using System.CommandLine;
using Millrace.Checkpoints;
using Millrace.Imaging;
using Millrace.Models;
using Millrace.Models.Adapters;
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

    /// <summary>Loads them.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="precision">Arithmetic of the networks.</param>
    /// <param name="picture">From the path of a picture to the picture in the size that is drawn.</param>
    public static async Task<ShownNetworks> LoadAsync(ParseResult parsed, ScalarType precision, Func<string, Task<Frame>> picture)
    {
        var shown = new ShownNetworks();
        try
        {
            foreach (ControlWord word in parsed.GetValue(SolverOptionSet.Control)!)
            {
                ControlNetModel network = shown.Own(ControlNetFolder.Load(word.Path), precision);
                shown.Controls.Add(new ControlPicture(network, await picture(word.Picture), word.Strength));
            }

            foreach (ControlWord word in parsed.GetValue(SolverOptionSet.Adapter)!)
            {
                T2IAdapterModel network = shown.Own(T2IAdapterFile.Load(word.Path), precision);
                shown.Adapters.Add(new AdapterPicture(network, await picture(word.Picture), word.Strength));
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

    private T Own<T>(T network, ScalarType precision)
        where T : Module
    {
        _networks.Add(network);
        network.PrepareForInference(precision);
        return network;
    }
}
