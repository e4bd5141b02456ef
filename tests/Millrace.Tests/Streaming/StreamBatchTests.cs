using Millrace.Guidance;
using Millrace.Processes;
using Millrace.Solvers;
using Millrace.Streaming;
using TorchSharp;
using static TorchSharp.torch;

namespace Millrace.Tests.Streaming;

/// <summary>The identities of the stream batch, for one to four levels and one to three frames a tick.</summary>
public sealed class StreamBatchTests : IDisposable
{
    private const int Channels = 4, Side = 3, TextWidth = 5;

    private static readonly int[][] StepLists = [[25], [16, 32], [8, 20, 40], [0, 16, 32, 45]];
    private static readonly VariancePreservingProcess Process = VariancePreservingProcess.StableDiffusion;

    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly Generator _generator = new(11);
    private readonly RowDenoiser _denoiser = new(Channels, TextWidth);
    private readonly StreamPrompt _prompt;

    public StreamBatchTests() => _prompt = Prompt();

    public static TheoryData<int, int, GuidanceType, bool> Shapes()
    {
        var data = new TheoryData<int, int, GuidanceType, bool>();
        foreach (int n in new[] { 1, 2, 3, 4 })
        {
            foreach (int f in new[] { 1, 2, 3 })
            {
                foreach (GuidanceType type in Enum.GetValues<GuidanceType>())
                {
                    data.Add(n, f, type, true);
                    data.Add(n, f, type, false);
                }
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Every_frame_comes_out_as_if_it_had_been_alone(int n, int f, GuidanceType guidance, bool addNoise)
    {
        StreamOptions options = Options(n, f) with { Guidance = guidance, AddNoise = addNoise };
        Tensor noise = Noise(n);
        using var batch = new StreamBatch(_denoiser, Process, options, (Channels, Side, Side), noise.unsqueeze(1));
        Tensor frames = Random(f * (n + 4));
        Dictionary<long, Tensor> left = RunAll(batch, frames, f);

        Assert.Equal(frames.shape[0], left.Count);
        for (int frame = 0; frame < frames.shape[0]; frame++)
        {
            Tensor alone = SequentialLoop.Run(_denoiser, Process, options, frames[frame].unsqueeze(0), noise, _prompt);
            AssertClose(alone[0], left[frame], 1e-5);
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void The_frame_of_a_tick_leaves_n_minus_one_ticks_later_and_draining_gives_the_rest(int n, int f, GuidanceType guidance, bool addNoise)
    {
        StreamOptions options = Options(n, f) with { Guidance = guidance, AddNoise = addNoise };
        using var batch = new StreamBatch(_denoiser, Process, options, (Channels, Side, Side));
        Assert.Equal(0, batch.TicksToDrain);
        for (int tick = 0; tick < n + 3; tick++)
        {
            using StreamTick result = batch.Tick(Random(f), Ids(tick, f), _prompt);
            Assert.Equal(tick >= n - 1, result.Ready);
            Assert.Equal(tick >= n - 1 ? Ids(tick - n + 1, f) : [], result.FrameIds);
        }

        Assert.Equal(n - 1, batch.TicksToDrain);
        for (int tick = n + 3; batch.TicksToDrain > 0; tick++)
        {
            using StreamTick result = batch.Drain();
            Assert.Equal(Ids(tick - n + 1, f), result.FrameIds);
        }

        Assert.Equal(f * (n + StreamGuidanceRows(guidance, n)), _denoiser.LastRows);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_virtual_noise_leads_every_row_back_to_its_input(bool addNoise)
    {
        // a x_0 + b stock = x_t, seen through the row after: the network's input is what the denoiser was shown.
        int n = 4;
        var seen = new RecordingDenoiser(_denoiser);
        StreamOptions options = Options(n, 1) with { Guidance = GuidanceType.Self, AddNoise = addNoise };
        using var batch = new StreamBatch(seen, Process, options, (Channels, Side, Side));
        ConsistencyLevel[] levels = [.. LcmTimesteps.Select(options.Steps).Select(t => ConsistencyLevel.At(Process, t))];
        Tensor frames = Random(9);
        Tensor? stockBefore = null;
        for (int tick = 0; tick < 9; tick++)
        {
            batch.Tick(frames[tick].unsqueeze(0), [tick], _prompt).Dispose();
            for (int row = 1; row < n && tick - row >= 0 && stockBefore is not null; row++)
            {
                Tensor expected = frames[tick - row].Times(levels[row].Alpha).Plus(stockBefore[row - 1].Times(levels[row].Sigma));
                AssertClose(expected, seen.Last![row], 2e-4);
            }

            stockBefore = batch.StockNoise;
        }
    }

    [Theory]
    [InlineData(GuidanceType.Full)]
    [InlineData(GuidanceType.Self)]
    [InlineData(GuidanceType.Initialize)]
    public void A_scale_of_one_or_less_is_no_guidance_to_the_bit(GuidanceType guidance)
    {
        Tensor frames = Random(6);
        Dictionary<long, Tensor> plain = Stream(Options(3, 1) with { Guidance = GuidanceType.None }, frames);
        foreach (double scale in new[] { 0, 0.5, 1 })
        {
            Dictionary<long, Tensor> guided = Stream(Options(3, 1) with { Guidance = guidance, GuidanceScale = scale }, frames);
            Assert.All(plain, pair => Assert.True(pair.Value.equal(guided[pair.Key]).all().item<bool>()));
        }
    }

    [Fact]
    public void The_frame_buffer_does_not_change_the_images()
    {
        Tensor frames = Random(12);
        Dictionary<long, Tensor> one = Stream(Options(3, 1), frames), three = Stream(Options(3, 3), frames);
        Assert.All(one, pair => AssertClose(pair.Value, three[pair.Key], 1e-6));
        Dictionary<long, Tensor> apart = Stream(Options(3, 3) with { ShareNoise = false }, frames);
        Assert.True(apart[1].Minus(three[1]).abs().max().item<float>() > 1e-3);
    }

    [Fact]
    public void A_still_input_gives_a_still_output_to_the_bit()
    {
        Tensor still = Random(1).expand(8, -1, -1, -1);
        Dictionary<long, Tensor> left = Stream(Options(4, 1) with { Guidance = GuidanceType.None }, still);
        Assert.All(left.Values, image => Assert.True(image.equal(left[0]).all().item<bool>()));
    }

    [Fact]
    public void A_network_that_knows_the_answer_gives_it_for_any_number_of_levels()
    {
        Tensor answer = Random(1);
        foreach (int n in new[] { 1, 2, 3, 4 })
        {
            foreach (GuidanceType guidance in new[] { GuidanceType.None, GuidanceType.Full })
            {
                var perfect = new PerfectDenoiser(answer);
                using var batch = new StreamBatch(perfect, Process, Options(n, 1) with { Guidance = guidance }, (Channels, Side, Side));
                Assert.All(RunAll(batch, Random(n + 2), 1).Values, image => AssertClose(answer[0], image, 1e-3));
            }
        }
    }

    [Fact]
    public void Gaussian_data_gives_the_closed_form()
    {
        // x_0 of N(m, v) given x: m + a v (x - a m) / (a^2 v + b^2).
        const double Mean = 0.4, Variance = 0.3;
        StreamOptions options = Options(1, 1) with { Guidance = GuidanceType.None };
        ConsistencyLevel level = ConsistencyLevel.At(Process, LcmTimesteps.Select(options.Steps)[0]);
        double total = (level.Alpha * level.Alpha * Variance) + (level.Sigma * level.Sigma);
        var gaussian = new FunctionDenoiser(x => x.Plus(-(level.Alpha * Mean)).Times(level.Sigma).Times(1.0 / total));
        using var batch = new StreamBatch(gaussian, Process, options, (Channels, Side, Side));
        using StreamTick tick = batch.Tick(Random(1), [0], _prompt);
        Tensor expected = batch.LastInput!.Plus(-(level.Alpha * Mean)).Times(level.Alpha * Variance).Times(1.0 / total).Plus(Mean);
        AssertClose(expected, tick.Latents, 1e-5);
    }

    [Theory]
    [InlineData(PredictionType.VPrediction)]
    [InlineData(PredictionType.Sample)]
    [InlineData(PredictionType.Flow)]
    public void Other_predictions_are_converted_to_noise(PredictionType type)
    {
        using var denoiser = new RowDenoiser(Channels, TextWidth, prediction: type);
        StreamOptions options = Options(3, 2) with { Guidance = GuidanceType.Initialize };
        Tensor noise = Noise(3), frames = Random(6);
        using var batch = new StreamBatch(denoiser, Process, options, (Channels, Side, Side), noise.unsqueeze(1));
        foreach ((long id, Tensor image) in RunAll(batch, frames, 2))
        {
            AssertClose(SequentialLoop.Run(denoiser, Process, options, frames[id].unsqueeze(0), noise, _prompt)[0], image, 1e-4);
        }
    }

    [Fact]
    public void Frames_in_flight_keep_their_own_prompt_unless_it_changes_at_once()
    {
        using StreamPrompt other = Prompt();
        Tensor frames = Random(8), noise = Noise(3);
        StreamOptions options = Options(3, 1) with { Guidance = GuidanceType.Full };
        using var batch = new StreamBatch(_denoiser, Process, options, (Channels, Side, Side), noise.unsqueeze(1));
        var left = new Dictionary<long, Tensor>();
        for (int frame = 0; frame < 8; frame++)
        {
            Collect(batch.Tick(frames[frame].unsqueeze(0), [frame], frame < 4 ? _prompt : other), left);
        }

        Drain(batch, left);
        for (int frame = 0; frame < 8; frame++)
        {
            AssertClose(SequentialLoop.Run(_denoiser, Process, options, frames[frame].unsqueeze(0), noise, frame < 4 ? _prompt : other)[0], left[frame], 1e-5);
        }

        batch.Tick(frames[0].unsqueeze(0), [8], _prompt).Dispose();
        batch.Repaint(other);
        Assert.True(batch.Uses(other));
        left.Clear();
        Collect(batch.Tick(frames[1].unsqueeze(0), [9], other), left);
        Drain(batch, left);
        Tensor unpainted = SequentialLoop.Run(_denoiser, Process, options, frames[0].unsqueeze(0), noise, _prompt)[0];
        Assert.True(left[8].Minus(unpainted).abs().max().item<float>() > 1e-4);
    }

    [Fact]
    public void Frames_in_flight_keep_their_own_levels_when_the_steps_change()
    {
        StreamOptions before = Options(3, 1), after = before with { Steps = [4, 18, 44], GuidanceScale = before.GuidanceScale };
        Tensor frames = Random(8), noise = Noise(3);
        using var batch = new StreamBatch(_denoiser, Process, before, (Channels, Side, Side), noise.unsqueeze(1));
        var left = new Dictionary<long, Tensor>();
        for (int frame = 0; frame < 8; frame++)
        {
            if (frame == 4)
            {
                batch.Update(after);
            }

            Collect(batch.Tick(frames[frame].unsqueeze(0), [frame], _prompt), left);
        }

        Drain(batch, left);
        for (int frame = 0; frame < 8; frame++)
        {
            AssertClose(SequentialLoop.Run(_denoiser, Process, frame < 4 ? before : after, frames[frame].unsqueeze(0), noise, _prompt)[0], left[frame], 1e-5);
        }
    }

    [Fact]
    public void Another_number_of_steps_needs_an_empty_batch()
    {
        using var batch = new StreamBatch(_denoiser, Process, Options(3, 1), (Channels, Side, Side));
        batch.Tick(Random(1), [0], _prompt).Dispose();
        Assert.Contains("drain", Assert.Throws<InvalidOperationException>(() => batch.Update(Options(2, 1))).Message, StringComparison.Ordinal);
        Drain(batch, []);
        batch.Update(Options(2, 1));
        Assert.Equal(2, batch.Depth);
    }

    [Fact]
    public void Text_to_image_draws_fresh_noise_from_the_seed()
    {
        StreamOptions options = Options(2, 1) with { Mode = StreamMode.TextToImage, Steps = [0, 25] };
        Tensor[] Run(long seed)
        {
            using var batch = new StreamBatch(_denoiser, Process, options with { Seed = seed }, (Channels, Side, Side));
            var left = new Dictionary<long, Tensor>();
            for (int frame = 0; frame < 4; frame++)
            {
                Collect(batch.Tick(null, [frame], _prompt), left);
            }

            return [.. left.Values];
        }

        Tensor[] first = Run(3), again = Run(3), other = Run(4);
        Assert.All(first.Zip(again), pair => Assert.True(pair.First.equal(pair.Second).all().item<bool>()));
        Assert.True(first[0].Minus(first[1]).abs().max().item<float>() > 1e-3);
        Assert.True(first[0].Minus(other[0]).abs().max().item<float>() > 1e-3);
    }

    [Fact]
    public void A_failing_network_leaves_the_state_and_no_tensor_behind()
    {
        using var failing = new RowDenoiser(Channels, TextWidth) { FailAtCall = 4 };
        StreamOptions options = Options(3, 1);
        Tensor frames = Random(6);
        Dictionary<long, Tensor> expected = Stream(options, frames);
        using var batch = new StreamBatch(failing, Process, options, (Channels, Side, Side));
        var left = new Dictionary<long, Tensor>();
        for (int frame = 0; frame < 3; frame++)
        {
            Collect(batch.Tick(frames[frame].unsqueeze(0), [frame], _prompt), left);
        }

        long before = DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;
        using (NewDisposeScope())
        {
            Assert.Throws<IOException>(() => batch.Tick(frames[3].unsqueeze(0), [3], _prompt));
        }

        Assert.Equal(before, DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount);
        for (int frame = 3; frame < 6; frame++)
        {
            Collect(batch.Tick(frames[frame].unsqueeze(0), [frame], _prompt), left);
        }

        Drain(batch, left);
        Assert.All(expected, pair => AssertClose(pair.Value, left[pair.Key], 1e-6));
    }

    [Fact]
    public void Ticks_leave_no_tensor_behind()
    {
        using var batch = new StreamBatch(_denoiser, Process, Options(4, 2) with { Guidance = GuidanceType.Initialize }, (Channels, Side, Side));
        Tensor frames = Random(2);
        long id = 0;
        Support.Living.StaysConstant(() => batch.Tick(frames, [id++, id++], _prompt).Dispose());
    }

    [Fact]
    public async Task Collections_at_any_moment_pull_nothing_away()
    {
        using var done = new CancellationTokenSource();
        Task collector = Task.Run(() =>
        {
            while (!done.IsCancellationRequested)
            {
                GC.Collect(0);
                GC.WaitForPendingFinalizers();
            }
        });
        using var batch = new StreamBatch(_denoiser, Process, Options(4, 1) with { Guidance = GuidanceType.Full }, (Channels, Side, Side));
        Tensor frame = Random(1);
        for (int id = 0; id < 500; id++)
        {
            batch.Tick(frame, [id], _prompt).Dispose();
        }

        await done.CancelAsync();
        await collector;
    }

    [Fact]
    public void Wrong_shapes_and_options_are_refused_in_one_sentence()
    {
        Assert.Contains("strictly ascending", Assert.Throws<ArgumentException>(() => (Options(2, 1) with { Steps = [32, 16] }).Validate()).Message, StringComparison.Ordinal);
        Assert.Contains("0..49", Assert.Throws<ArgumentException>(() => (Options(2, 1) with { Steps = [3, 50] }).Validate()).Message, StringComparison.Ordinal);
        Assert.Contains("at least one", Assert.Throws<ArgumentException>(() => (Options(2, 1) with { Steps = [] }).Validate()).Message, StringComparison.Ordinal);
        ArgumentException all = Assert.Throws<ArgumentException>(
            () => new StreamOptions { FrameBufferSize = 0, GuidanceScale = double.NaN, SimilarityThreshold = 1.5, Delta = -1 }.Validate());
        Assert.All(new[] { "FrameBufferSize", "GuidanceScale", "SimilarityThreshold", "Delta" }, name => Assert.Contains(name, all.Message, StringComparison.Ordinal));

        using var batch = new StreamBatch(_denoiser, Process, Options(2, 1), (Channels, Side, Side));
        Assert.Contains("[1, 4, 3, 3]", Assert.Throws<ArgumentException>(() => batch.Tick(Random(2), [0], _prompt)).Message, StringComparison.Ordinal);
        Assert.Contains("got none", Assert.Throws<ArgumentException>(() => batch.Tick(null, [0], _prompt)).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => batch.Drain());
    }

    public void Dispose()
    {
        _denoiser.Dispose();
        _prompt.Dispose();
        _generator.Dispose();
        _scope.Dispose();
    }

    private static int StreamGuidanceRows(GuidanceType type, int n) => type switch { GuidanceType.Full => n, GuidanceType.Initialize => 1, _ => 0 };

    private static StreamOptions Options(int n, int f) =>
        new() { Steps = StepLists[n - 1], FrameBufferSize = f, Guidance = GuidanceType.Self, GuidanceScale = 1.4, Delta = 0.8, Width = Side, Height = Side };

    private static long[] Ids(int tick, int f) => [.. Enumerable.Range(tick * f, f).Select(id => (long)id)];

    private static void AssertClose(Tensor expected, Tensor actual, double bound) => Assert.True(Support.Golden.RelativeError(expected, actual) < bound);

    private static void Collect(StreamTick tick, Dictionary<long, Tensor> left)
    {
        for (int index = 0; index < tick.FrameIds.Count; index++)
        {
            left.Add(tick.FrameIds[index], tick.Latents[index]);
        }
    }

    private static void Drain(StreamBatch batch, Dictionary<long, Tensor> left)
    {
        while (batch.TicksToDrain > 0)
        {
            Collect(batch.Drain(), left);
        }
    }

    private Dictionary<long, Tensor> Stream(StreamOptions options, Tensor frames)
    {
        using var batch = new StreamBatch(_denoiser, Process, options, (Channels, Side, Side));
        return RunAll(batch, frames, options.FrameBufferSize);
    }

    private Dictionary<long, Tensor> RunAll(StreamBatch batch, Tensor frames, int f)
    {
        var left = new Dictionary<long, Tensor>();
        for (int tick = 0; tick < frames.shape[0] / f; tick++)
        {
            Collect(batch.Tick(frames.narrow(0, tick * f, f), Ids(tick, f), _prompt), left);
        }

        Drain(batch, left);
        return left;
    }

    private Tensor Random(int count) => randn(count, Channels, Side, Side, generator: _generator);

    private Tensor Noise(int n) => randn(n, Channels, Side, Side, generator: _generator);

    private StreamPrompt Prompt() => new(new Conditioning(randn(1, 2, TextWidth, generator: _generator)), new Conditioning(randn(1, 2, TextWidth, generator: _generator)));

    private sealed class RecordingDenoiser(IDenoiser inner) : IDenoiser
    {
        public PredictionType Prediction => inner.Prediction;

        public Tensor? Last { get; private set; }

        public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning)
        {
            Last = x.clone().DetachFromDisposeScope();
            return inner.Predict(x, t, conditioning);
        }
    }

    private sealed class PerfectDenoiser(Tensor answer) : IDenoiser
    {
        public PredictionType Prediction => PredictionType.Epsilon;

        public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning)
        {
            (Tensor alpha, Tensor sigma) = Process.Coefficients(t);
            return x.Minus(alpha * answer) / sigma;
        }
    }

    private sealed class FunctionDenoiser(Func<Tensor, Tensor> function) : IDenoiser
    {
        public PredictionType Prediction => PredictionType.Epsilon;

        public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning) => function(x);
    }
}
