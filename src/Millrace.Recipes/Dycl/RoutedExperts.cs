using Millrace.Models.Layers;
using Millrace.Runtime.Programs;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Recipes.Dycl;

/// <summary>Two layers of four experts over [1, 16], of which a router asks one in each layer.</summary>
internal sealed partial class RoutedExperts : Module<Tensor, Tensor>, IDynamicExample
{
    private const int Width = 16, Layers = 2, Experts = 4;

    private readonly TorchSharp.Modules.ModuleList<Linear> _routers = new(), _wide = new(), _narrow = new();

    public RoutedExperts(Generator generator)
        : base(nameof(RoutedExperts))
    {
        for (int layer = 0; layer < Layers; layer++)
        {
            _routers.Add(new Linear(Width, Experts));
            for (int expert = 0; expert < Experts; expert++)
            {
                _wide.Add(new Linear(Width, 2 * Width));
                _narrow.Add(new Linear(2 * Width, Width));
            }
        }

        RegisterComponents();
        this.Initialize(generator).eval();
    }

    public string Title => "routed experts";

    [DynamicNetwork]
    public override Tensor forward(Tensor x)
    {
        for (int layer = 0; layer < Layers; layer++)
        {
            Tensor scores = functional.softmax(_routers[layer].call(x), 1);
            Tensor best = scores.argmax(1);
            for (int expert = 0; expert < Experts; expert++)
            {
                if ((bool)best.IsEqualTo(expert))
                {
                    Tensor weight = scores.narrow(1, expert, 1);
                    Tensor hidden = functional.silu(_wide[(Experts * layer) + expert].call(x));
                    x = x.Plus(weight * _narrow[(Experts * layer) + expert].call(hidden));
                    break;
                }
            }
        }

        return x;
    }

    public TensorProgram Program() => ForwardProgram();

    public Value[] Draw(int index, Generator generator) => [randn([1, Width], generator: generator)];

    public Tensor Plain(Value[] inputs) => call(inputs[0].Tensor);
}
