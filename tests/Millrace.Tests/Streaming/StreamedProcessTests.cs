using Millrace.Guidance;
using Millrace.Processes;
using Millrace.Solvers;
using Millrace.Streaming;
using Millrace.Tests.Support;
using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Tests.Streaming;

/// <summary>The stream batch on processes other than that of latent consistency models: every frame comes out as if it had been alone.</summary>
public sealed class StreamedProcessTests : IDisposable
{
    private const int Channels = 4, Side = 3, TextWidth = 5;

    private static readonly int[][] StepLists = [[25], [16, 32], [8, 20, 40], [4, 16, 32, 45]];

    private static readonly Dictionary<string, (IDiffusionProcess Process, PredictionType Prediction)> Worlds = new()
    {
        ["v"] = (VariancePreservingProcess.StableDiffusion, PredictionType.VPrediction),
        ["v to full noise"] = (new VariancePreservingProcess(BetaSchedule.ScaledLinear, 0.00085, 0.012, 1000, zeroTerminalSnr: true), PredictionType.VPrediction),
        ["noise"] = (VariancePreservingProcess.StableDiffusion, PredictionType.Epsilon),
        ["sample"] = (VariancePreservingProcess.StableDiffusion, PredictionType.Sample),
        ["flow"] = (new FlowProcess(), PredictionType.Flow),
        ["shifted flow"] = (new FlowProcess(3), PredictionType.Flow),
    };

    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly Generator _generator = new(11);
    private readonly StreamPrompt _prompt;

    public StreamedProcessTests() => _prompt = new StreamPrompt(new Conditioning(Random(1, 6, TextWidth)), new Conditioning(Random(1, 6, TextWidth)));

    public static TheoryData<string, StreamSolver, GuidanceType> Cases()
    {
        var data = new TheoryData<string, StreamSolver, GuidanceType>();
        foreach (string world in Worlds.Keys)
        {
            foreach (StreamSolver solver in Enum.GetValues<StreamSolver>())
            {
                foreach (GuidanceType guidance in Enum.GetValues<GuidanceType>())
                {
                    data.Add(world, solver, guidance);
                }
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Every_frame_comes_out_as_if_it_had_been_alone(string world, StreamSolver solver, GuidanceType guidance)
    {
        foreach (int n in new[] { 1, 2, 3, 4 })
        {
            foreach ((int f, bool addNoise) in new[] { (1, true), (2, false) })
            {
                Compare(world, Options(StepLists[n - 1], f) with { Solver = solver, Guidance = guidance, AddNoise = addNoise }, StreamMode.ImageToImage);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Pictures_from_pure_noise_too(string world, StreamSolver solver, GuidanceType guidance)
    {
        // Where nothing but noise is left, alpha = 0, a network that predicts noise says nothing of the sample.
        bool pure = Worlds[world].Process.Coefficients(999).Alpha == 0 || Worlds[world].Process is FlowProcess;
        Compare(world, Options([0, 16, 32], 1) with { Solver = solver, Guidance = pure ? guidance : GuidanceType.Full }, StreamMode.TextToImage);
    }

    [Fact]
    public void Along_the_noise_a_flow_is_Euler()
    {
        using var denoiser = new RowDenoiser(Channels, TextWidth, prediction: PredictionType.Flow);
        StreamOptions options = Options([0, 10, 25, 40], 1) with { Solver = StreamSolver.Ddim, Guidance = GuidanceType.None, Mode = StreamMode.TextToImage };
        var process = new FlowProcess(3);
        using var batch = new StreamBatch(denoiser, process, options, (Channels, Side, Side));
        Dictionary<long, Tensor> left = RunAll(batch, null, 1, 1, out Tensor[] starts);

        double[] sigmas = [.. new[] { 0, 10, 25, 40 }.Select(step => process.Shifted(1 - (step / 50.0))), 0];
        var solver = new DdimSolver(NoiseInterval.Between([.. sigmas.Select(SigmaPath.Of(process).At)]));
        Tensor alone = new Sampler(denoiser, solver).Sample(starts[0], _prompt.Positive, _ => throw new InvalidOperationException());
        Assert.InRange(Golden.RelativeError(alone[0], left[0]), 0, 1e-5);
    }

    [Fact]
    public void Another_solver_holds_for_frames_that_enter_from_then_on()
    {
        using var denoiser = new RowDenoiser(Channels, TextWidth, prediction: PredictionType.Flow);
        var process = new FlowProcess();
        StreamOptions first = Options([10, 20, 30], 1), second = first with { Solver = StreamSolver.DpmPlusPlus2M };
        Tensor noise = Random(3, Channels, Side, Side), frames = Random(8, Channels, Side, Side);
        using var batch = new StreamBatch(denoiser, process, first, (Channels, Side, Side), noise.unsqueeze(1));
        var left = new Dictionary<long, Tensor>();
        for (int frame = 0; frame < 8; frame++)
        {
            if (frame == 4)
            {
                batch.Update(second);
            }

            Keep(left, batch.Tick(frames[frame].unsqueeze(0), [frame], _prompt));
        }

        for (int frame = 0; frame < 6; frame++)
        {
            Tensor alone = SequentialLoop.Run(denoiser, process, frame < 4 ? first : second, frames[frame].unsqueeze(0), noise, _prompt);
            Assert.InRange(Golden.RelativeError(alone[0], left[frame]), 0, 1e-4);
        }
    }

    public void Dispose()
    {
        _prompt.Dispose();
        _scope.Dispose();
        _generator.Dispose();
    }

    private void Compare(string world, StreamOptions options, StreamMode mode)
    {
        (IDiffusionProcess process, PredictionType prediction) = Worlds[world];
        using var denoiser = new RowDenoiser(Channels, TextWidth, prediction: prediction);
        int n = options.Steps.Count, f = options.FrameBufferSize;
        Tensor noise = Random(n, Channels, Side, Side), frames = Random(f * (n + 2), Channels, Side, Side);
        using var batch = new StreamBatch(denoiser, process, options with { Mode = mode }, (Channels, Side, Side), noise.unsqueeze(1));
        Dictionary<long, Tensor> left = RunAll(batch, mode == StreamMode.TextToImage ? null : frames, n + 2, f, out Tensor[] starts);

        Assert.Equal(frames.shape[0], left.Count);
        for (int frame = 0; frame < frames.shape[0]; frame++)
        {
            Tensor alone = SequentialLoop.Run(denoiser, process, options, frames[frame].unsqueeze(0), noise, _prompt, mode == StreamMode.TextToImage ? starts[frame] : null);
            Assert.InRange(Golden.RelativeError(alone[0], left[frame]), 0, 2e-4);
        }
    }

    private Dictionary<long, Tensor> RunAll(StreamBatch batch, Tensor? frames, int ticks, int f, out Tensor[] starts)
    {
        var left = new Dictionary<long, Tensor>();
        var started = new List<Tensor>();
        for (int tick = 0; tick < ticks; tick++)
        {
            long[] ids = [.. Enumerable.Range(tick * f, f).Select(id => (long)id)];
            Keep(left, batch.Tick(frames?.narrow(0, tick * f, f), ids, _prompt));
            started.Add(batch.LastInput!.clone());
        }

        while (batch.TicksToDrain > 0)
        {
            Keep(left, batch.Drain());
        }

        starts = [.. started];
        return left;
    }

    private static void Keep(Dictionary<long, Tensor> left, StreamTick tick)
    {
        for (int index = 0; index < tick.FrameIds.Count; index++)
        {
            left.Add(tick.FrameIds[index], tick.Latents[index].clone());
        }

        tick.Dispose();
    }

    private static StreamOptions Options(int[] steps, int f) => new() { Steps = steps, FrameBufferSize = f, GuidanceScale = 1.6, Delta = 0.9 };

    private Tensor Random(params long[] shape) => randn(shape, generator: _generator);
}
