using Millrace.Guidance;
using Millrace.Imaging;
using Millrace.Imaging.Sources;
using Millrace.Processes;
using Millrace.Streaming;
using static TorchSharp.torch;

namespace Millrace.Tests.Streaming;

public sealed class StreamEngineTests : IDisposable
{
    private const int Side = 16;

    private static readonly StreamOptions Options = new() { Steps = [16, 32, 45], Width = Side, Height = Side, Guidance = GuidanceType.Self, GuidanceScale = 1.2 };

    private readonly RowDenoiser _denoiser = new(3, 4);
    private readonly string _folder = Directory.CreateTempSubdirectory("millrace").FullName;

    [Theory]
    [InlineData(1, 9)]
    [InlineData(2, 9)]
    [InlineData(3, 9)]
    [InlineData(3, 1)]
    public async Task Every_frame_leaves_once_and_in_order(int frameBuffer, int count)
    {
        using StreamPipeline pipeline = Pipeline(Options with { FrameBufferSize = frameBuffer });
        var sink = new CollectingSink();
        Assert.True(await new StreamEngine(pipeline).RunAsync(new SyntheticSource(count, side: 40), sink));
        Assert.Equal(Enumerable.Range(0, count).Select(id => (long)id), sink.Frames.Select(frame => frame.Id));
        Assert.True(sink.Completed);
        Assert.Equal((count, count, 0), (pipeline.Statistics.FramesIn, pipeline.Statistics.FramesOut, pipeline.Statistics.FramesSkipped));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_still_clip_saves_network_calls_and_keeps_every_frame(bool live)
    {
        using StreamPipeline pipeline = Pipeline(Options with { SimilarityThreshold = 0.98 }, drainWhenStill: live);
        var sink = new CollectingSink();
        await new StreamEngine(pipeline).RunAsync(new SyntheticSource(120, side: Side, stillShare: 0.7), sink);
        Assert.Equal(Enumerable.Range(0, 120).Select(id => (long)id), sink.Frames.Select(frame => frame.Id));
        Assert.True(pipeline.Statistics.FramesSkipped > 60);
        Assert.True(pipeline.Statistics.NetworkCalls < 70);
    }

    [Fact]
    public async Task A_recorded_session_replays_to_the_same_bytes()
    {
        string path = Path.Combine(_folder, "session.zip");
        var session = new StreamSession { Options = Options with { SimilarityThreshold = 0.97 }, Prompt = "a", NegativePrompt = "b" };
        StreamCommand[] commands =
        [
            new(4) { Prompt = "something else" },
            new(9) { Prompt = "and again", Instant = true },
            new(12) { Options = session.Options with { Guidance = GuidanceType.Full, GuidanceScale = 1.5, Steps = [8, 20, 40] } },
            new(15) { Options = session.Options with { Steps = [20] } },
        ];
        var recorded = new CollectingSink();
        using (StreamPipeline pipeline = Pipeline(session.Options, "a", "b"))
        using (var recorder = new StreamSessionRecorder(path, session))
        {
            await new StreamEngine(pipeline, new StreamEngineOptions { Commands = commands }, recorder).RunAsync(new SyntheticSource(20, side: 33, stillShare: 0.5), recorded);
            recorder.Complete();
        }

        await using StreamSessionReplay replay = StreamSessionReplay.Open(path);
        Assert.Equal(commands.Select(command => command.FrameId), replay.Session.Commands.Select(command => command.FrameId));
        var replayed = new CollectingSink();
        using (StreamPipeline pipeline = Pipeline(replay.Session.Options, replay.Session.Prompt, replay.Session.NegativePrompt))
        {
            await new StreamEngine(pipeline, new StreamEngineOptions { Commands = replay.Session.Commands }).RunAsync(replay, replayed);
        }

        Assert.Equal(20, replayed.Frames.Count);
        Assert.All(recorded.Frames.Zip(replayed.Frames), pair => Assert.Equal(pair.First.Rgb, pair.Second.Rgb));
        Assert.Equal(["session.zip"], Directory.GetFiles(_folder).Select(Path.GetFileName));
    }

    [Fact]
    public void A_file_that_is_no_session_is_refused_in_one_sentence()
    {
        string path = Path.Combine(_folder, "no.zip");
        File.WriteAllText(path, "text");
        Assert.Contains("is not a recorded session", Assert.Throws<InvalidDataException>(() => StreamSessionReplay.Open(path)).Message, StringComparison.Ordinal);
        using (new StreamSessionRecorder(Path.Combine(_folder, "abandoned.zip"), new StreamSession { Options = Options }))
        {
        }

        Assert.Equal(["no.zip"], Directory.GetFiles(_folder).Select(Path.GetFileName));
    }

    [Fact]
    public async Task A_cancelled_run_completes_the_sink_with_what_has_left()
    {
        using StreamPipeline pipeline = Pipeline(Options);
        using var cancellation = new CancellationTokenSource();
        var sink = new CollectingSink { AfterFrame = frame => { if (frame.Id == 5) { cancellation.Cancel(); } } };
        Assert.False(await new StreamEngine(pipeline).RunAsync(new SyntheticSource(100_000, side: Side), sink, cancellationToken: cancellation.Token));
        Assert.True(sink.Completed);
        Assert.InRange(sink.Frames.Count, 6, 20);
    }

    [Theory]
    [InlineData("source")]
    [InlineData("network")]
    [InlineData("sink")]
    public async Task The_first_failure_stops_the_run_and_the_sink_is_not_completed(string where)
    {
        using var failing = new RowDenoiser(3, 4) { FailAtCall = where == "network" ? 5 : 0 };
        using var pipeline = new StreamPipeline(failing, new PixelAutoencoder(), new LetterEncoder(), VariancePreservingProcess.StableDiffusion, Options);
        var sink = new CollectingSink { AfterFrame = frame => { if (where == "sink" && frame.Id == 3) { Thread.Sleep(100); throw new IOException("the sink failed"); } } };
        IFrameSource source = where == "source" ? new FailingSource() : new SyntheticSource(1000, side: Side);
        IOException error = await Assert.ThrowsAsync<IOException>(() => new StreamEngine(pipeline).RunAsync(source, sink));
        Assert.Contains(where, error.Message, StringComparison.Ordinal);
        Assert.False(sink.Completed);
    }

    [Fact]
    public async Task A_live_source_drops_its_oldest_frames_when_the_sink_is_slow()
    {
        using StreamPipeline pipeline = Pipeline(Options with { Steps = [25] });
        var sink = new CollectingSink { AfterFrame = _ => Thread.Sleep(5) };
        await new StreamEngine(pipeline, new StreamEngineOptions { Live = true }).RunAsync(new SyntheticSource(200, side: Side), sink);
        Assert.True(pipeline.Statistics.FramesDropped > 0);
        Assert.Equal(200, pipeline.Statistics.FramesDropped + pipeline.Statistics.FramesOut);
        Assert.Equal(sink.Frames.Select(frame => frame.Id).Order(), sink.Frames.Select(frame => frame.Id));
        Assert.Equal(199, sink.Frames[^1].Id);
    }

    [Fact]
    public async Task A_posted_change_takes_effect_while_running()
    {
        using StreamPipeline pipeline = Pipeline(Options);
        var engine = new StreamEngine(pipeline);
        engine.Post(new StreamCommand(0) { Options = Options with { Steps = [20] } });
        var sink = new CollectingSink();
        await engine.RunAsync(new SyntheticSource(5, side: Side), sink);
        Assert.Single(pipeline.Options.Steps);
        Assert.Equal(5, sink.Frames.Count);
    }

    [Fact]
    public async Task What_the_stream_uses_changes_before_a_frame_and_never_while_a_session_is_recorded()
    {
        using StreamPipeline pipeline = Pipeline(Options);
        var engine = new StreamEngine(pipeline);
        int changes = 0;
        engine.Post(() => changes++);
        await engine.RunAsync(new SyntheticSource(3, side: Side), new CollectingSink());
        Assert.Equal(1, changes);

        var failing = new StreamEngine(pipeline);
        failing.Post(() => throw new InvalidDataException("no such LoRA"));
        await Assert.ThrowsAsync<InvalidDataException>(() => failing.RunAsync(new SyntheticSource(3, side: Side), new CollectingSink()));

        using var recorder = new StreamSessionRecorder(Path.Combine(_folder, "recorded.zip"), new StreamSession { Options = Options });
        var recorded = new StreamEngine(pipeline, recorder: recorder);
        Assert.Throws<InvalidOperationException>(() => recorded.Post(() => changes++));
    }

    [Fact]
    public async Task Side_by_side_shows_the_input_at_the_left()
    {
        using StreamPipeline pipeline = Pipeline(Options with { SimilarityThreshold = 0.98 });
        var sink = new CollectingSink();
        await new StreamEngine(pipeline, new StreamEngineOptions { SideBySide = true }).RunAsync(new SyntheticSource(6, side: Side), sink);
        Assert.All(sink.Frames, frame => Assert.Equal((2 * Side, Side), (frame.Width, frame.Height)));
        Frame first = await new SyntheticSource(6, side: Side).ReadAsync().FirstAsync();
        Assert.Equal(first.Rgb[..(3 * Side)], sink.Frames[0].Rgb[..(3 * Side)]);
    }

    [Fact]
    public void A_warm_pipeline_gives_what_a_cold_one_gives()
    {
        using Tensor image = rand(1, 3, Side, Side);
        Tensor[] Run(bool warm)
        {
            using StreamPipeline pipeline = Pipeline(Options);
            if (warm)
            {
                pipeline.WarmUp();
            }

            return [.. Enumerable.Range(0, 5).SelectMany(id => pipeline.Process(image, id)).Concat(pipeline.Flush()).Select(output => output.Image)];
        }

        Assert.All(Run(warm: false).Zip(Run(warm: true)), pair => Assert.True(pair.First.equal(pair.Second).all().item<bool>()));
    }

    [Fact]
    public void A_pipeline_refuses_frames_that_do_not_fit()
    {
        using StreamPipeline pipeline = Pipeline(Options);
        using Tensor wrong = rand(1, 3, Side, Side + 8), image = rand(1, 3, Side, Side), nan = TensorArithmetic.Filled(float.NaN, null, 1, 3, Side, Side);
        Assert.Contains("[1, 3, 16, 16]", Assert.Throws<ArgumentException>(() => pipeline.Process(wrong, 0)).Message, StringComparison.Ordinal);
        Assert.Contains("not a finite number", Assert.Throws<ArgumentException>(() => pipeline.Process(nan, 0)).Message, StringComparison.Ordinal);
        pipeline.Process(image, 3);
        Assert.Throws<ArgumentOutOfRangeException>(() => pipeline.Process(image, 3));
        Assert.Throws<ArgumentException>(() => Pipeline(Options with { Width = 17 }));
        Assert.Throws<ArgumentException>(() => pipeline.Update(Options with { Width = 32 }));
    }

    [Fact]
    public void Frames_leave_no_tensor_behind()
    {
        using StreamPipeline pipeline = Pipeline(Options with { SimilarityThreshold = 0.9 });
        using Tensor first = rand(1, 3, Side, Side), second = -first;
        long id = 0;
        void Frame(Tensor image)
        {
            foreach (GeneratedImage output in pipeline.Process(image, id++))
            {
                output.Dispose();
            }
        }

        for (int warm = 0; warm < 20; warm++)
        {
            Frame(warm % 3 == 0 ? second : first);
        }

        Support.Living.StaysConstant(() =>
        {
            pipeline.SetPrompt($"prompt {id}");
            for (int frame = 0; frame < 24; frame++)
            {
                Frame(frame % 3 == 0 ? second : first);
            }
        });
    }

    [Fact]
    public void The_filter_skips_as_often_as_it_says()
    {
        using var filter = new SimilarityFilter(0.9, maximumSkips: 1_000_000, seed: 1);
        using Tensor reference = ones(1, 3, 4, 4);
        Assert.Equal(0.5, filter.SkipProbability(0.95), 1e-9);
        Assert.Equal(0, filter.SkipProbability(0.9));
        Assert.Equal(0, new SimilarityFilter(1, 10, 1).SkipProbability(1));

        using var still = new SimilarityFilter(0.98, maximumSkips: 4, seed: 1);
        bool[] passes = [.. Enumerable.Range(0, 20).Select(_ => still.Passes(reference))];
        Assert.All(passes.Index(), item => Assert.Equal(item.Index % 5 == 0, item.Item));

        using Tensor grey = zeros(1, 3, 4, 4);
        Assert.Equal(1, SimilarityFilter.Similarity(grey, grey));
        Assert.Equal(0, SimilarityFilter.Similarity(grey, reference));

        // Two images whose cosine is 0.95, in turn the reference each time one passes.
        using Tensor a = zeros(1, 3, 4, 4), b = zeros(1, 3, 4, 4);
        a[0, 0, 0, 0].Fill(1);
        b[0, 0, 0, 0].Fill(0.95);
        b[0, 0, 0, 1].Fill(Math.Sqrt(1 - (0.95 * 0.95)));
        int skipped = 0, draws = 4000;
        bool last = false;
        filter.Reset();
        filter.Passes(a);
        for (int draw = 0; draw < draws; draw++)
        {
            if (!filter.Passes(last ? a : b))
            {
                skipped++;
            }
            else
            {
                last = !last;
            }
        }

        Assert.InRange(skipped / (double)draws, 0.5 - (3 * Math.Sqrt(0.25 / draws)), 0.5 + (3 * Math.Sqrt(0.25 / draws)));
    }

    [Fact]
    public void Percentiles_are_within_two_percent()
    {
        var histogram = new LatencyHistogram();
        Assert.Equal(TimeSpan.Zero, histogram.Percentile(0.5));
        for (int milliseconds = 1; milliseconds <= 1000; milliseconds++)
        {
            histogram.Record(TimeSpan.FromMilliseconds(milliseconds));
        }

        Assert.Equal(500, histogram.Percentile(0.5).TotalMilliseconds, 10.0);
        Assert.Equal(990, histogram.Percentile(0.99).TotalMilliseconds, 20.0);
        Assert.Equal(1000, histogram.Count);
    }

    public void Dispose()
    {
        _denoiser.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private StreamPipeline Pipeline(StreamOptions options, string prompt = "", string negative = "", bool drainWhenStill = false) =>
        new(_denoiser, new PixelAutoencoder(), new LetterEncoder(), VariancePreservingProcess.StableDiffusion, options, prompt, negative, drainWhenStill) { SteadyThreads = true };

    private sealed class CollectingSink : IFrameSink
    {
        public List<Frame> Frames { get; } = [];

        public bool Completed { get; private set; }

        public Action<Frame>? AfterFrame { get; init; }

        public ValueTask WriteAsync(Frame frame, CancellationToken cancellationToken = default)
        {
            Frames.Add(frame);
            AfterFrame?.Invoke(frame);
            return ValueTask.CompletedTask;
        }

        public ValueTask CompleteAsync(CancellationToken cancellationToken = default)
        {
            Completed = true;
            return ValueTask.CompletedTask;
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private sealed class FailingSource : IFrameSource
    {
        public int? Count => null;

        public double? FramesPerSecond => null;

        public async IAsyncEnumerable<Frame> ReadAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken = default)
        {
            await foreach (Frame frame in new SyntheticSource(6, side: Side).ReadAsync(cancellationToken))
            {
                yield return frame.Id < 5 ? frame : throw new IOException("the source failed");
            }
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
