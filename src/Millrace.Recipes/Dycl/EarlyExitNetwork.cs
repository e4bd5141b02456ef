using Millrace.Models.Layers;
using Millrace.Runtime.Programs;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Recipes.Dycl;

/// <summary>A classifier of [1, 3, 8, 8] that answers early where it is sure.</summary>
internal sealed partial class EarlyExitNetwork : Module<Tensor, Tensor>, IDynamicExample
{
    private const int Classes = 10, Width = 8;

    private readonly Convolution2d _stem = new(3, Width, 3, padding: 1), _second = new(Width, Width, 3, padding: 1), _third = new(Width, Width, 3, padding: 1);
    private readonly Linear _early = new(Width, Classes), _late = new(Width, Classes);
    private readonly Gate _sure = new(Width), _surer = new(Width);

    public EarlyExitNetwork(Generator generator)
        : base(nameof(EarlyExitNetwork))
    {
        RegisterComponents();
        this.Initialize(generator).eval();
        using var scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor h = functional.relu(_stem.call(randn([256, 3, 8, 8], generator: generator)));
        _sure.Center(h);
        _surer.Center(functional.relu(_second.call(h)).Plus(h));
    }

    public string Title => "early exit";

    [DynamicNetwork]
    public override Tensor forward(Tensor x)
    {
        Tensor h = functional.relu(_stem.call(x));
        Tensor early = functional.softmax(_early.call(h.mean([2, 3])), 1);
        if ((bool)_sure.call(h).gt(0))
        {
            return early;
        }

        h = functional.relu(_second.call(h)).Plus(h);
        if ((bool)_surer.call(h).gt(0))
        {
            return functional.softmax(_late.call(h.mean([2, 3])), 1);
        }

        h = functional.relu(_third.call(h)).Plus(h);
        Tensor late = functional.softmax(_late.call(h.mean([2, 3])), 1);
        return early.Plus(late).Times(0.5);
    }

    public TensorProgram Program() => ForwardProgram();

    public Value[] Draw(int index, Generator generator) => [randn([1, 3, 8, 8], generator: generator)];

    public Tensor Plain(Value[] inputs) => call(inputs[0].Tensor);
}
