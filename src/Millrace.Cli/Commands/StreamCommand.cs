using System.CommandLine;
using Millrace.Checkpoints;
using Millrace.Imaging;
using Millrace.Imaging.Sinks;
using Millrace.Imaging.Sources;
using Millrace.Streaming;

namespace Millrace.Cli.Commands;

/// <summary>millrace stream: frames and prompts in, generated frames out.</summary>
internal static class StreamCommand
{
    private const string Summary = "Turn a stream of frames into generated frames that follow a prompt.";

    private const string Details = """
        Examples:
          millrace stream
              a demo: coloured blots become pictures, millrace-demo.webp
          millrace stream --input clip.mp4 --output out.mp4 --prompt "a red fruit"
          millrace stream --input sketches/ --output frames/ --prompt "a cat" --prompt-at 40:"a dog" --side-by-side
          millrace stream --input clip.mp4 --output out.mp4 --prompt "an oil painting" --model ./my-model --size 512 --steps 22,32,45
          ffmpeg -i clip.mp4 -f rawvideo -pix_fmt rgb24 -s 64x64 - | millrace stream --input - --input-size 64x64 --output - --prompt "a cat" | ffplay -f rawvideo -pixel_format rgb24 -video_size 64x64 -

        --json ends with one line: frames in, out, skipped and dropped, frames a second, and for each stage the milliseconds
        that half, 95 % and 99 % of the frames stay below (on the standard error when frames go to the standard output).
        Ctrl-C ends the stream and leaves a valid output with the frames so far.
        """;

    public static Command Create(Terminal terminal)
    {
        var command = new DetailedCommand("stream", Summary, Details);
        foreach (Option option in StreamOptionSet.All.Concat(ModelOptionSet.All).Append(CommonOptions.Json))
        {
            command.Add(option);
        }

        command.Validators.Add(StreamOptionSet.CheckCombination);
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed, terminal, cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellationToken)
    {
        await using IFrameSource source = OpenSource(parsed);
        await using IFrameSink sink = OpenSink(parsed, source);
        StreamSession Session(DiffusionModel of) => source is StreamSessionReplay replay ? replay.Session : StreamOptionSet.Session(parsed, of, source);
        using DiffusionModel model = ModelOptionSet.Load(parsed, survey =>
        {
            survey.CheckStreams();
            MemoryGuard.Check(terminal, survey, Session(survey).Options, ModelOptionSet.BytesPerNumber(parsed));
        });
        StreamSession session = Session(model);
        PromptWarning.Write(terminal, model.TextEncoder, session.Commands.Select(command => command.Prompt).Prepend(session.Prompt));

        using var pipeline = new StreamPipeline(
            model.Denoiser, model.Autoencoder, model.TextEncoder, model.ProcessAt(session.Options.Width, session.Options.Height), session.Options, session.Prompt, session.NegativePrompt, session.DrainWhenStill)
        {
            SteadyThreads = source is StreamSessionReplay || parsed.GetValue(StreamOptionSet.Record) is not null,
        };
        using StreamSessionRecorder? recorder = parsed.GetValue(StreamOptionSet.Record) is { } record
            ? new StreamSessionRecorder(record, session with { Commands = [] })
            : null;
        pipeline.WarmUp(cancellationToken: cancellationToken);

        var engine = new StreamEngine(pipeline, StreamOptionSet.EngineOptions(parsed, session), recorder);
        StreamReport report = await RunAsync(engine, source, sink, parsed.GetValue(StreamOptionSet.Output)!, terminal, cancellationToken);
        recorder?.Complete();
        Write(report, parsed, terminal);
        return report.Cancelled ? ExitCode.Cancelled : ExitCode.Success;
    }

    private static Task<StreamReport> RunAsync(
        StreamEngine engine, IFrameSource source, IFrameSink sink, string output, Terminal terminal, CancellationToken cancellationToken) =>
        ProgressDisplay.RunAsync(terminal, "frames", source.Count, TimeProvider.System, async done =>
        {
            long start = TimeProvider.System.GetTimestamp();
            bool complete = await engine.RunAsync(source, sink, new FramesOut(done), cancellationToken);
            return StreamReport.Of(engine.Statistics, TimeProvider.System.GetElapsedTime(start), output, cancelled: !complete);
        });

    private static IFrameSource OpenSource(ParseResult parsed)
    {
        if (parsed.GetValue(StreamOptionSet.Replay) is { } session)
        {
            return StreamSessionReplay.Open(session);
        }

        string input = parsed.GetValue(StreamOptionSet.Input)!;
        int? frames = parsed.GetValue(StreamOptionSet.Frames);
        FrameSourceOptions options = StreamOptionSet.SourceOptions(parsed);
        if (input == StreamOptionSet.Synthetic)
        {
            PixelSize size = parsed.GetValue(StreamOptionSet.Size) ?? new PixelSize(64, 64);
            return new SyntheticSource(count: frames ?? 120, side: Math.Max(8, Math.Max(size.Width, size.Height)), framesPerSecond: options.FramesPerSecond);
        }

        IFrameSource source = FrameSources.Open(input, options);
        return frames is { } count ? new FirstFrames(source, count) : source;
    }

    private static IFrameSink OpenSink(ParseResult parsed, IFrameSource source) =>
        FrameSinks.Create(parsed.GetValue(StreamOptionSet.Output)!, new FrameSinkOptions
        {
            FramesPerSecond = parsed.GetValue(StreamOptionSet.FramesPerSecond) ?? source.FramesPerSecond ?? new FrameSinkOptions().FramesPerSecond,
            SourcePath = parsed.GetValue(StreamOptionSet.Replay) ?? parsed.GetValue(StreamOptionSet.Input),
        });

    private static void Write(StreamReport report, ParseResult parsed, Terminal terminal)
    {
        bool framesOnOutput = report.Output == "-";
        if (parsed.GetValue(CommonOptions.Json))
        {
            terminal.WriteJson(report, beside: framesOnOutput);
            return;
        }

        foreach (string line in report.Lines())
        {
            (framesOnOutput ? terminal.Error : terminal.Output).WriteLine(line);
        }
    }

    private sealed class FramesOut(IProgress<long> done) : IProgress<StreamStatistics>
    {
        public void Report(StreamStatistics value) => done.Report(value.FramesOut);
    }
}
