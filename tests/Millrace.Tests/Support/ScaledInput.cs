using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Tests.Support;

/// <summary>A denoiser of one weight c: it predicts c x.</summary>
internal sealed class ScaledInput : Module<Tensor, Tensor>, IDenoiser
{
    private readonly TorchSharp.Modules.Parameter _factor;

    public ScaledInput(double factor, PredictionType prediction = PredictionType.Flow)
        : base(nameof(ScaledInput))
    {
        Prediction = prediction;
        using Tensor value = TensorArithmetic.Filled(factor, CPU, 1);
        _factor = new TorchSharp.Modules.Parameter(value.clone());
        RegisterComponents();
    }

    public PredictionType Prediction { get; }

    public Tensor Factor => _factor;

    public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning) => call(x);

    public override Tensor forward(Tensor input) => input * _factor;
}
