using Millrace.Models.Layers;
using Millrace.Runtime.Programs;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Recipes.Dycl;

/// <summary>A U-Net of [1, 4, 8, 8] whose middle blocks each are left out where their gate says so.</summary>
internal sealed partial class SkipLayerUNet : Module<Tensor, Tensor>, IDynamicExample
{
    private const int Width = 8, Blocks = 6;

    private readonly Convolution2d _first = new(4, Width, 3, padding: 1), _down = new(Width, Width, 3, stride: 2, padding: 1);
    private readonly Convolution2d _up = new(Width, 4 * Width, 1), _last = new(2 * Width, 4, 3, padding: 1);
    private readonly TorchSharp.Modules.ModuleList<Convolution2d> _blocks = new();
    private readonly TorchSharp.Modules.ModuleList<Gate> _gates = new();

    public SkipLayerUNet(Generator generator)
        : base(nameof(SkipLayerUNet))
    {
        for (int block = 0; block < Blocks; block++)
        {
            _blocks.Add(new Convolution2d(Width, Width, 3, padding: 1));
            _gates.Add(new Gate(Width));
        }

        RegisterComponents();
        this.Initialize(generator).eval();
        using var scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor h = functional.silu(_down.call(functional.silu(_first.call(randn([256, 4, 8, 8], generator: generator)))));
        foreach (Gate gate in _gates)
        {
            gate.Center(h);
        }
    }

    public string Title => "skipped layers";

    [DynamicNetwork]
    public override Tensor forward(Tensor x)
    {
        Tensor skip = functional.silu(_first.call(x));
        Tensor h = functional.silu(_down.call(skip));
        for (int i = 0; i < _blocks.Count; i++)
        {
            if ((bool)_gates[i].call(h).gt(0))
            {
                h = functional.silu(_blocks[i].call(h)).Plus(h);
            }
        }

        h = functional.silu(functional.pixel_shuffle(_up.call(h), 2));
        return _last.call(cat([h, skip], 1));
    }

    public TensorProgram Program() => ForwardProgram();

    public Value[] Draw(int index, Generator generator) => [randn([1, 4, 8, 8], generator: generator)];

    public Tensor Plain(Value[] inputs) => call(inputs[0].Tensor);
}
