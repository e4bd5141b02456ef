using Millrace.Models.Layers;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Recipes.Worlds;

/// <summary>A denoiser of points, [B, D, 1, 1]: a few wide layers that see the point, the time and the class.</summary>
internal sealed class PointNetwork : Module<Tensor, Tensor, Tensor>, IDenoiser
{
    private readonly TorchSharp.Modules.ModuleList<Millrace.Models.Layers.Linear> _layers = new();
    private readonly int _classes;
    private readonly double _timeScale;
    private readonly int _frequencies;

    /// <param name="prediction">What it predicts.</param>
    /// <param name="seed">Seed of its weights.</param>
    /// <param name="width">Units of a layer.</param>
    /// <param name="depth">Hidden layers.</param>
    /// <param name="classes">Number of classes; one more label means none of them. 0 for a network without.</param>
    /// <param name="dimensions">D.</param>
    /// <param name="timeScale">Brings the process's time to a range of about 1.</param>
    /// <param name="frequencies">Sines and cosines of the time, from half a period over its range of 1 upwards.</param>
    public PointNetwork(
        PredictionType prediction, long seed, int width = 128, int depth = 3, int classes = 0, int dimensions = 2, double timeScale = 1e-3, int frequencies = 8)
        : base(nameof(PointNetwork))
    {
        (Prediction, Width, _classes, _timeScale, _frequencies) = (prediction, width, classes, timeScale, frequencies);
        int input = dimensions + 1 + (2 * frequencies) + (classes > 0 ? classes + 1 : 0);
        for (int layer = 0; layer <= depth; layer++)
        {
            _layers.Add(new Millrace.Models.Layers.Linear(layer == 0 ? input : width, layer == depth ? dimensions : width));
        }

        RegisterComponents();
        using var generator = new Generator((ulong)seed);
        this.Initialize(generator);
    }

    public PredictionType Prediction { get; }

    /// <summary>Number of parameters.</summary>
    public long Size => parameters().Sum(parameter => parameter.numel());

    /// <summary>Width of the hidden layers.</summary>
    public int Width { get; }

    public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning)
    {
        using var scope = NewDisposeScope();
        return _layers[_layers.Count - 1].call(Hidden(x, t, conditioning)[^1]).view(x.shape).MoveToOuterDisposeScope();
    }

    /// <summary>What the hidden layers hold, each [B, width], in the dispose scope of the caller.</summary>
    public IReadOnlyList<Tensor> Features(Tensor x, Tensor t, Conditioning conditioning)
    {
        using var scope = NewDisposeScope();
        return [.. Hidden(x, t, conditioning).Select(layer => layer.MoveToOuterDisposeScope())];
    }

    public override Tensor forward(Tensor x, Tensor t) => Predict(x, t, Conditioning.WithoutText(x.shape[0]));

    /// <summary>The same weights in a network of its own.</summary>
    public PointNetwork CopyTo(PointNetwork copy)
    {
        using IDisposable noGrad = no_grad();
        foreach ((TorchSharp.Modules.Parameter from, TorchSharp.Modules.Parameter to) in parameters().Zip(copy.parameters()))
        {
            to.copy_(from);
        }

        return copy;
    }

    private List<Tensor> Hidden(Tensor x, Tensor t, Conditioning conditioning)
    {
        Tensor time = t.to(float32).Times(_timeScale).unsqueeze(1);
        Tensor angles = cat([.. Enumerable.Range(1, _frequencies).Select(frequency => time.Times(Math.PI * frequency))], 1);
        List<Tensor> inputs = [x.flatten(1), time, angles.sin(), angles.cos()];
        if (_classes > 0)
        {
            inputs.Add(functional.one_hot(conditioning.ClassLabels!, _classes + 1).to(float32));
        }

        List<Tensor> hidden = [functional.silu(_layers[0].call(cat([.. inputs], 1)))];
        for (int layer = 1; layer < _layers.Count - 1; layer++)
        {
            hidden.Add(functional.silu(_layers[layer].call(hidden[^1])));
        }

        return hidden;
    }
}
