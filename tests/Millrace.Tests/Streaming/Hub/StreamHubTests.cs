using Millrace.Guidance;
using Millrace.Imaging;
using Millrace.Imaging.Sources;
using Millrace.Processes;
using Millrace.Streaming;
using Millrace.Streaming.Hub;
using TorchSharp;

namespace Millrace.Tests.Streaming.Hub;

public sealed class StreamHubTests : IDisposable
{
    private const int Side = 16;

    private static readonly StreamOptions Options = new() { Steps = [16, 32, 45], Width = Side, Height = Side, Guidance = GuidanceType.Self };

    // Nothing is dropped and nothing finished early: what comes out is a function of what goes in.
    private static readonly StreamHubOptions Patient = new() { QueueCapacity = 1000, ResultCapacity = 1000, DrainAfter = TimeSpan.FromHours(1) };

    private static readonly (StreamOptions Options, string Prompt, string Negative)[] Users =
    [
        (Options, "a", ""),
        (Options with { Guidance = GuidanceType.Full, GuidanceScale = 2, Seed = 7 }, "b", "not b"),
        (Options with { Guidance = GuidanceType.Initialize, Steps = [10, 30] }, "c", "d"),
        (Options with { Guidance = GuidanceType.None, Steps = [25] }, "d", ""),
        (Options with { FrameBufferSize = 2, ShareNoise = false }, "e", ""),
        (Options with { Width = 24, Height = 32 }, "f", ""),
        (Options with { Mode = StreamMode.TextToImage, Steps = [0, 20, 40], Seed = 9 }, "g", ""),
        (Options with { SimilarityThreshold = 0.9, AddNoise = false }, "h", ""),
    ];

    private readonly RowDenoiser _denoiser = new(3, 4);
    private readonly LetterEncoder _textEncoder = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _denoiser.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(64)]
    public async Task Every_stream_gets_the_pictures_that_it_would_have_alone(int rows)
    {
        HubFrame[][] shared;
        await using (StreamHub hub = Hub(Patient with { MaximumRows = rows }))
        {
            shared = await Task.WhenAll(Users.Select((user, index) => RunAsync(hub.Open(user.Options, user.Prompt, user.Negative), Clip(12 + index, index))));
        }

        for (int index = 0; index < Users.Length; index++)
        {
            AssertEqual(Alone(Users[index].Options, Users[index].Prompt, Users[index].Negative, Clip(12 + index, index)), shared[index]);
        }
    }

    [Fact]
    public void Options_say_what_is_allowed()
    {
        Assert.Equal("GatherShare must be in [0, 1]. (Parameter 'GatherShare')\nActual value was NaN.", Assert.Throws<ArgumentOutOfRangeException>(() => Hub(Patient with { GatherShare = double.NaN })).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => Hub(Patient with { MaximumRows = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => Hub(Patient with { LatencyTarget = TimeSpan.Zero }));
        Assert.Throws<ArgumentException>(() => Hub(Patient with { Fit = (FitMode)9 }));
    }

    [Fact]
    public async Task Streams_share_the_network_calls()
    {
        using var opened = new ManualResetEventSlim();
        await using StreamHub hub = Hub(Patient, new HookedDenoiser(_denoiser, (_, _) => opened.Wait(Cancellation)));
        Task<HubFrame[]>[] streams = [.. Enumerable.Range(0, 6).Select(index => RunAsync(hub.Open(Options, "a"), Clip(20, index)))];
        opened.Set();

        Assert.All(await Task.WhenAll(streams), frames => Assert.Equal(20, frames.Length));
        Assert.Equal(6 * 22 * 3, hub.Statistics.Rows);
        Assert.InRange(hub.Statistics.NetworkCalls, 22, 25);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(64)]
    public async Task No_stream_waits_more_than_its_share(int rows)
    {
        const int Count = 60;
        using var sent = new ManualResetEventSlim();
        await using StreamHub hub = Hub(Patient with { MaximumRows = rows }, new HookedDenoiser(_denoiser, (_, _) => sent.Wait(Cancellation)));
        HubStream[] streams = [.. Enumerable.Range(0, 5).Select(index => hub.Open(Options with { Steps = [.. Options.Steps.Take(1 + (index % 3))] }, "a"))];
        foreach (HubStream stream in streams)
        {
            Array.ForEach(Clip(Count, 1), stream.Send);
            stream.Complete();
        }

        sent.Set();
        int[] whenFirstWasDone = await await Task.WhenAny(streams.Select(async stream =>
        {
            await ReadAsync(stream);
            return streams.Select(other => (int)other.Statistics.FramesOut).ToArray();
        }));
        Assert.All(whenFirstWasDone, count => Assert.InRange(count, 0.8 * Count, Count));
    }

    [Fact]
    public async Task Of_a_full_queue_the_oldest_frame_of_that_stream_goes()
    {
        using SemaphoreSlim entered = new(0), allowed = new(0);
        var network = new HookedDenoiser(_denoiser, (_, _) =>
        {
            entered.Release();
            allowed.Wait(Cancellation);
        });
        await using StreamHub hub = Hub(Patient with { QueueCapacity = 2 }, network);
        HubStream fast = hub.Open(Options with { Steps = [20] }, "a"), slow = hub.Open(Options with { Steps = [20] }, "a");
        Frame[] clip = Clip(10, 0);
        fast.Send(clip[0]);
        await entered.WaitAsync(Cancellation); // frame 0 is in the network
        slow.Send(clip[0]);
        Array.ForEach(clip[1..], fast.Send);
        fast.Complete();
        slow.Complete();
        allowed.Release(100);

        Assert.Equal([0, 8, 9], (await ReadAsync(fast)).Select(frame => frame.Frame.Id));
        Assert.Equal([0], (await ReadAsync(slow)).Select(frame => frame.Frame.Id));
        Assert.Equal((7, 0, 7), (fast.Statistics.FramesDropped, slow.Statistics.FramesDropped, hub.Statistics.FramesDropped));
    }

    [Fact]
    public async Task A_slow_reader_loses_his_own_oldest_pictures()
    {
        await using StreamHub hub = Hub(Patient with { ResultCapacity = 3 });
        HubStream stream = hub.Open(Options, "a");
        Array.ForEach(Clip(10, 0), stream.Send);
        stream.Complete();
        while (stream.Statistics.FramesOut < 10)
        {
            await Task.Delay(1, Cancellation);
        }

        Assert.Equal([7, 8, 9], (await ReadAsync(stream)).Select(frame => frame.Frame.Id));
        Assert.Equal(7, stream.Statistics.FramesDropped);
    }

    [Fact]
    public async Task One_too_many_is_refused_until_another_has_left()
    {
        StreamHub hub = Hub(new StreamHubOptions { MaximumStreams = 2 });
        HubStream first = hub.Open(Options);
        hub.Open(Options);
        Assert.Equal("All 2 streams are taken; try again when one has ended.", Assert.Throws<StreamRefusedException>(() => hub.Open(Options)).Message);
        await first.DisposeAsync();
        await first.DisposeAsync();
        HubStream third = hub.Open(Options);
        await hub.DisposeAsync();

        Assert.Empty(await ReadAsync(third));
        await third.DisposeAsync();
        Assert.Equal("The hub is closed.", Assert.Throws<StreamRefusedException>(() => hub.Open(Options)).Message);
        third.Post(new StreamCommand(0) { Prompt = "too late" });
    }

    [Theory]
    [InlineData("network")]
    [InlineData("options")]
    public async Task A_stream_that_breaks_breaks_alone(string how)
    {
        float poison = TextOf("poison");
        var network = new HookedDenoiser(_denoiser, (_, conditioning) =>
        {
            if (how == "network" && conditioning.Text[.., 0, 0].data<float>().Contains(poison))
            {
                throw new IOException("the network failed");
            }
        });
        await using StreamHub hub = Hub(Patient, network);
        HubStream good = hub.Open(Options, "a"), bad = hub.Open(Options, how == "network" ? "poison" : "b");
        Task<HubFrame[]> pictures = RunAsync(good, Clip(12, 3));
        if (how == "options")
        {
            Assert.Throws<ArgumentException>(() => bad.Post(new StreamCommand(0) { Options = Options with { Width = 32 } }));
            Assert.Throws<ArgumentException>(() => bad.Post(new StreamCommand(0) { Options = Options with { Steps = [3, 1] } }));
        }

        Task<HubFrame[]> broken = RunAsync(bad, Clip(12, 3));
        if (how == "network")
        {
            var error = await Assert.ThrowsAsync<InvalidOperationException>(() => broken);
            Assert.Equal("The stream failed: the network failed", error.Message);
        }
        else
        {
            Assert.Equal(12, (await broken).Length);
        }

        AssertEqual(Alone(Options, "a", "", Clip(12, 3)), await pictures);
    }

    [Fact]
    public async Task Frames_must_have_rising_ids_and_come_before_the_end()
    {
        await using StreamHub hub = Hub(Patient);
        HubStream stream = hub.Open(Options, "a");
        Frame frame = Clip(1, 0)[0];
        Assert.Throws<ArgumentOutOfRangeException>(() => stream.Send(frame with { Id = -1 }));
        stream.Send(frame with { Id = 5 });
        Assert.Equal("Frame ids must be at least 0 and rise; 5 came after 5. (Parameter 'frame')", Assert.Throws<ArgumentOutOfRangeException>(() => stream.Send(frame with { Id = 5 })).Message);
        stream.Complete();
        Assert.Throws<InvalidOperationException>(() => stream.Send(frame with { Id = 6 }));
        Assert.Equal([5], (await ReadAsync(stream)).Select(result => result.Frame.Id));
    }

    [Fact]
    public async Task The_last_frame_comes_out_without_another()
    {
        await using StreamHub hub = Hub(new StreamHubOptions { DrainAfter = TimeSpan.FromMilliseconds(20) });
        HubStream stream = hub.Open(Options, "a");
        await using IAsyncEnumerator<HubFrame> results = stream.ReadAllAsync(Cancellation).GetAsyncEnumerator(Cancellation);
        foreach (Frame frame in Clip(3, 0))
        {
            stream.Send(frame);
            Assert.True(await results.MoveNextAsync());
            Assert.Equal((frame.Id, 3, false), (results.Current.Frame.Id, results.Current.Steps, results.Current.Repeated));
            Assert.True(results.Current.Latency >= TimeSpan.FromMilliseconds(15));
        }
    }

    [Fact]
    public async Task Prompt_and_options_change_while_it_runs()
    {
        StreamOptions before = Options with { Steps = [25] }, after = Options with { Steps = [20, 40], Guidance = GuidanceType.Full, GuidanceScale = 1.5 };
        Frame[] clip = Clip(12, 2);
        await using StreamHub hub = Hub(Patient);
        HubStream stream = hub.Open(before, "a");
        await using IAsyncEnumerator<HubFrame> results = stream.ReadAllAsync(Cancellation).GetAsyncEnumerator(Cancellation);
        List<HubFrame> frames = [];
        async Task ReadAsync(int count)
        {
            while (frames.Count < count && await results.MoveNextAsync())
            {
                frames.Add(results.Current);
            }
        }

        Array.ForEach(clip[..4], stream.Send);
        await ReadAsync(4);
        stream.Post(new StreamCommand(0) { Prompt = "another", NegativePrompt = "no" });
        Array.ForEach(clip[4..8], stream.Send);
        await ReadAsync(8);
        stream.Post(new StreamCommand(0) { Options = after });
        Array.ForEach(clip[8..], stream.Send);
        stream.Complete();
        await ReadAsync(12);

        Assert.Equal(after, stream.Options);
        AssertEqual(
            Alone(before, "a", "", clip, (pipeline, id) =>
            {
                if (id == 4)
                {
                    pipeline.SetPrompt("another", "no");
                }
                else if (id == 8)
                {
                    Assert.Empty(pipeline.Update(after));
                }
            }),
            [.. frames]);
    }

    [Fact]
    public async Task A_prompt_is_encoded_once_for_all()
    {
        await using StreamHub hub = Hub(Patient);
        foreach (string prompt in new[] { "a", "b", "a", "b", "a" })
        {
            Assert.Equal(3, (await RunAsync(hub.Open(Options, prompt), Clip(3, 0))).Length);
        }

        Assert.Equal(3, _textEncoder.Encoded); // a, b, and the empty negative
    }

    [Fact]
    public async Task A_latency_target_costs_steps_and_says_so()
    {
        var network = new HookedDenoiser(_denoiser, (_, _) => Thread.Sleep(20));
        await using StreamHub hub = Hub(new StreamHubOptions { LatencyTarget = TimeSpan.FromMilliseconds(50), DrainAfter = TimeSpan.FromMilliseconds(1) }, network);
        HubStream stream = hub.Open(Options, "a");
        await using IAsyncEnumerator<HubFrame> results = stream.ReadAllAsync(Cancellation).GetAsyncEnumerator(Cancellation);
        List<int> steps = [];
        foreach (Frame frame in Clip(40, 0))
        {
            stream.Send(frame);
            Assert.True(await results.MoveNextAsync());
            steps.Add(results.Current.Steps);
        }

        Assert.Equal(3, steps[0]);
        Assert.InRange(steps[^1], 1, 2);
        Assert.Equal(steps.OrderDescending(), steps);
        Assert.Equal(steps[^1], stream.Options.Steps.Count);
    }

    [Fact]
    public void Streams_that_come_and_go_leave_no_tensor_behind()
    {
        List<long> living = [];
        var owner = new Thread(() =>
        {
            long onHub = 0;
            var network = new HookedDenoiser(_denoiser, (_, _) => onHub = DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount);
            StreamHub hub = Hub(Patient with { CachedPrompts = 2 }, network);
            HubStream witness = hub.Open(Options with { Steps = [20] }, "w");
            IAsyncEnumerator<HubFrame> results = witness.ReadAllAsync(Cancellation).GetAsyncEnumerator(Cancellation);
            for (int round = 0; round < 40; round++)
            {
                (StreamOptions options, string prompt, string negative) = Users[round % Users.Length];
                HubStream guest = hub.Open(options, prompt, negative);
                Array.ForEach(Clip(5, round), guest.Send); // leaves with frames waiting and in flight
                Block(guest.DisposeAsync().AsTask());
                witness.Send(Clip(1, 0)[0] with { Id = round });
                Block(results.MoveNextAsync().AsTask());
                if (round % Users.Length == Users.Length - 1)
                {
                    living.Add(onHub + DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount);
                }
            }

            Block(hub.DisposeAsync().AsTask());
        });
        owner.Start();
        owner.Join();

        Assert.Equal(5, living.Count);
        Assert.All(living, count => Assert.Equal(living[0], count));

        static void Block(Task task) => task.GetAwaiter().GetResult();
    }

    private StreamHub Hub(StreamHubOptions options, IDenoiser? denoiser = null) =>
        new(denoiser ?? _denoiser, new PixelAutoencoder(), _textEncoder, VariancePreservingProcess.StableDiffusion, options);

    private static async Task<HubFrame[]> RunAsync(HubStream stream, Frame[] clip)
    {
        Array.ForEach(clip, stream.Send);
        stream.Complete();
        return await ReadAsync(stream);
    }

    private static async Task<HubFrame[]> ReadAsync(HubStream stream) => await stream.ReadAllAsync(Cancellation).ToArrayAsync(Cancellation);

    private (long Id, byte[] Rgb)[] Alone(StreamOptions options, string prompt, string negative, Frame[] clip, Action<StreamPipeline, long>? before = null)
    {
        using var pipeline = new StreamPipeline(_denoiser, new PixelAutoencoder(), new LetterEncoder(), VariancePreservingProcess.StableDiffusion, options, prompt, negative, drainWhenStill: true);
        var fit = new FrameFit(options.Width, options.Height, FitMode.Crop);
        List<GeneratedImage> left = [];
        foreach (Frame frame in clip)
        {
            before?.Invoke(pipeline, frame.Id);
            using torch.Tensor? image = options.Mode == StreamMode.TextToImage ? null : PixelConversion.ToTensor(fit.Apply(frame));
            left.AddRange(pipeline.Process(image, frame.Id));
        }

        left.AddRange(pipeline.Flush());
        return [.. left.Select(image =>
        {
            using GeneratedImage owned = image;
            return (image.FrameId, PixelConversion.ToFrame(image.Image, image.FrameId, TimeSpan.Zero).Rgb);
        })];
    }

    private static void AssertEqual((long Id, byte[] Rgb)[] expected, HubFrame[] actual)
    {
        Assert.Equal(expected.Select(frame => frame.Id), actual.Select(frame => frame.Frame.Id));
        Assert.All(expected.Zip(actual), pair => Assert.All(pair.First.Rgb.Zip(pair.Second.Frame.Rgb), value => Assert.InRange(value.First - value.Second, -1, 1)));
    }

    private float TextOf(string prompt)
    {
        using torch.Tensor text = _textEncoder.Encode([prompt]).Text;
        return text[0, 0, 0].item<float>();
    }

    private static Frame[] Clip(int count, int seed) =>
        new SyntheticSource(count, side: 40, seed: seed, stillShare: 0.4).ReadAsync(Cancellation).ToBlockingEnumerable(Cancellation).ToArray();
}
