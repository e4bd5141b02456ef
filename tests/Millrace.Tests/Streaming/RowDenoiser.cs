using static TorchSharp.torch;

namespace Millrace.Tests.Streaming;

/// <summary>A small random function of (x, t, text), row by row independent: enough of a network for every identity.</summary>
internal sealed class RowDenoiser : IDenoiser, IDisposable
{
    private readonly Tensor _mix;
    private readonly Tensor _lift;

    public RowDenoiser(int channels, int textWidth, long seed = 5, PredictionType prediction = PredictionType.Epsilon)
    {
        using var generator = new Generator((ulong)seed);
        _mix = randn(channels, channels, generator: generator).Times(0.4).DetachFromDisposeScope();
        _lift = randn(textWidth, channels, generator: generator).Times(0.3).DetachFromDisposeScope();
        Prediction = prediction;
    }

    public PredictionType Prediction { get; }

    public int Calls { get; private set; }

    public long LastRows { get; private set; }

    /// <summary>Throws at this call; 0 never does.</summary>
    public int FailAtCall { get; init; }

    public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning)
    {
        LastRows = x.shape[0];
        Assert.Equal(LastRows, t.shape[0]);
        Assert.Equal(LastRows, conditioning.Rows);
        if (++Calls == FailAtCall)
        {
            throw new IOException("the network failed");
        }

        using var scope = NewDisposeScope();
        Tensor text = conditioning.Text.mean([1]).matmul(_lift).unsqueeze(-1).unsqueeze(-1);
        Tensor mixed = einsum("oc,bchw->bohw", _mix, x);
        Tensor time = t.Times(1.0 / 300).sin().view(-1, 1, 1, 1);
        return mixed.Plus(text).Plus(time.Times(0.5)).tanh().Plus(x.Times(0.6)).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        _mix.Dispose();
        _lift.Dispose();
    }
}
