using Millrace.Models.Layers;
using Millrace.Runtime.Programs;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Recipes.Dycl;

/// <summary>A score of a feature map, [B, C, H, W] to [B, 1], whose median over noise is 0, so that either way is taken half of the time.</summary>
internal sealed class Gate : Module<Tensor, Tensor>, IDescribedModule
{
    private readonly Linear _score;

    public Gate(int channels)
        : base(nameof(Gate))
    {
        _score = new Linear(channels, 1);
        RegisterComponents();
    }

    /// <summary>Moves the score so that its median over some features is 0.</summary>
    public void Center(Tensor features)
    {
        using IDisposable noGrad = no_grad();
        using var scope = NewDisposeScope();
        _score.Bias!.Add(call(features).median(), -1);
    }

    public GraphArgument Describe(PartGraph graph, IReadOnlyList<GraphArgument> inputs) => graph.Call(_score, graph.Apply("mean", inputs[0], new long[] { 2, 3 }));

    public override Tensor forward(Tensor features) => _score.call(features.mean([2, 3]));
}
