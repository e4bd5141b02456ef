using Millrace.Models.Layers;
using Millrace.Runtime.Programs;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Recipes.Dycl;

/// <summary>A U-Net of [1, 4, 8, 8] that runs its encoder at key steps alone and decodes from what it kept at the others (Faster Diffusion, arXiv 2312.09608).</summary>
internal sealed partial class CachedEncoderUNet : Module<Tensor, int, Tensor>, IDynamicExample
{
    private const int Width = 8, Every = 3;

    private readonly Convolution2d _first = new(4, Width, 3, padding: 1), _down = new(Width, Width, 3, stride: 2, padding: 1), _middle = new(Width, Width, 3, padding: 1);
    private readonly Convolution2d _up = new(Width, 4 * Width, 1), _last = new(2 * Width, 4, 3, padding: 1);

    [Kept]
    private Tensor? _skip, _features;

    public CachedEncoderUNet(Generator generator)
        : base(nameof(CachedEncoderUNet))
    {
        RegisterComponents();
        this.Initialize(generator).eval();
    }

    public string Title => "cached encoder";

    [DynamicNetwork]
    public override Tensor forward(Tensor x, int step)
    {
        if (step % Every == 0)
        {
            _skip = functional.silu(_first.call(x));
            _features = functional.silu(_down.call(_skip));
            _features = functional.silu(_middle.call(_features)).Plus(_features);
        }

        Tensor h = functional.silu(functional.pixel_shuffle(_up.call(_features!), 2));
        return _last.call(cat([h, _skip!], 1)).Plus(x);
    }

    public TensorProgram Program() => ForwardProgram();

    public Value[] Draw(int index, Generator generator) => [randn([1, 4, 8, 8], generator: generator), index];

    public Tensor Plain(Value[] inputs)
    {
        Tensor result = call(inputs[0].Tensor, (int)inputs[1].Whole);
        _skip!.DetachFromDisposeScope();
        _features!.DetachFromDisposeScope();
        return result;
    }
}
