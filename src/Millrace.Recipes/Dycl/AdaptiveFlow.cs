using Millrace.Models.Layers;
using Millrace.Runtime.Programs;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Recipes.Dycl;

/// <summary>A flow of points, [1, 2], followed by Heun's method with steps that the difference to Euler's method sets: how many depends on the point.</summary>
internal sealed partial class AdaptiveFlow : Module<Tensor, Tensor>, IDynamicExample
{
    private const double Tolerance = 0.02, FirstStep = 0.25, Smallest = 1e-3;

    private readonly Linear _hidden = new(3, 32), _out = new(32, 2);

    public AdaptiveFlow(Generator generator)
        : base(nameof(AdaptiveFlow))
    {
        RegisterComponents();
        this.Initialize(generator).eval();
        using IDisposable noGrad = no_grad();
        _out.Weight.Scale(4); // a field that bends
    }

    public string Title => "adaptive steps";

    [DynamicNetwork(MaxIterations = 1000)]
    public override Tensor forward(Tensor x)
    {
        Tensor time = x.narrow(1, 0, 1).Times(0);
        Tensor step = time.Plus(FirstStep);
        while ((bool)time.IsBelow(1 - Smallest))
        {
            Tensor slope = _out.call(functional.silu(_hidden.call(cat([x, time], 1))));
            Tensor euler = x.Plus(step * slope);
            Tensor next = time.Plus(step);
            Tensor end = _out.call(functional.silu(_hidden.call(cat([euler, next], 1))));
            Tensor heun = x.Plus((step * slope.Plus(end)).Times(0.5));
            Tensor error = heun.Minus(euler).abs().amax([1], true).AtLeast(1e-9);
            if ((bool)error.IsBelow(Tolerance))
            {
                x = heun;
                time = next;
            }

            Tensor factor = error.Times(1 / Tolerance).sqrt();
            step = (step / factor).Times(0.9).AtLeast(Smallest).minimum(time.TakenFrom(1));
        }

        return x;
    }

    public TensorProgram Program() => ForwardProgram();

    public Value[] Draw(int index, Generator generator) => [randn([1, 2], generator: generator).Times(2)];

    public Tensor Plain(Value[] inputs) => call(inputs[0].Tensor);
}
