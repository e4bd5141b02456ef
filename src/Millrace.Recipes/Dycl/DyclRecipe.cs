using System.Diagnostics;
using Millrace.Runtime.Programs;
using Millrace.Runtime.Programs.Backends;
using static TorchSharp.torch;

namespace Millrace.Recipes.Dycl;

/// <summary>Five small networks whose way depends on their input, cut into parts and compiled, against a trace of one run and against the methods as written.</summary>
public sealed class DyclRecipe : Recipe
{
    private const string Correct = "share of inputs with the same bits", Ratio = "speed over the method as written", Condition = "microseconds to read a condition";
    private const string Parts = "parts by TorchScript", Host = "parts called plainly", Trace = "trace of the first input", All = "all";
    private const int Inputs = 1000, Rounds = 200, Round = 20, Warmup = 5;

    private static readonly (string Arm, ProgramOptions Options)[] Backends =
    [
        (Parts, new ProgramOptions { Backend = new TorchScriptBackend(), Variants = 64, RequireCompiled = true }),
        (Host, new ProgramOptions()),
    ];

    /// <inheritdoc/>
    public override string Name => "dycl";

    /// <inheritdoc/>
    public override string Title => "DyCL: Dynamic Neural Network Compilation Via Program Rewriting and Graph Optimization";

    /// <inheritdoc/>
    public override string Source => "Chen et al. 2023, arXiv 2307.04963";

    /// <inheritdoc/>
    public override string Claim => "Cut at its branches, a dynamic network compiles correctly, where a trace of it does not, and runs faster than uncompiled.";

    /// <inheritdoc/>
    public override string Experiment =>
        "five networks of some thousand weights - early exit, skipped layers, cached encoder, adaptive steps, routed experts - over 1,000 inputs of one row each; results compared with those of the C# method bit by bit, calls timed in turns on one thread, medians over 200 rounds of 20 inputs.";

    /// <inheritdoc/>
    public override IReadOnlyList<Criterion> Criteria { get; } =
    [
        new("least share of right results, compiled parts", 1, found => found[$"{Parts}, {All}", Correct]) { AtLeast = true },
        new("largest share of right results, traces", 0.99, found => found[$"{Trace}, {All}", Correct]),
        new("geometric mean of the speed, compiled parts over the methods", 1.1, found => found[$"{Parts}, {All}", Ratio]) { AtLeast = true },
        new("least speed, compiled parts over a method", 0.95, found => found[$"{Parts}, least", Ratio]) { AtLeast = true },
    ];

    /// <inheritdoc/>
    public override Findings Run(RecipeContext context)
    {
        var found = new Findings();
        using IDisposable noGrad = no_grad();
        using var generator = new Generator((ulong)context.Seed);
        var ratios = new List<double>();
        double leastCompiled = 1, mostTraced = 0;
        foreach (Func<Generator, IDynamicExample> make in new Func<Generator, IDynamicExample>[]
        {
            random => new EarlyExitNetwork(random), random => new SkipLayerUNet(random), random => new CachedEncoderUNet(random),
            random => new AdaptiveFlow(random), random => new RoutedExperts(random),
        })
        {
            context.Cancellation.ThrowIfCancellationRequested();
            using IDynamicExample example = make(generator);
            context.Progress.Report(example.Title);
            CompiledProgram[] programs = [.. Backends.Select(backend => CompiledProgram.Compile(example.Program(), backend.Options)), TraceOf(example, generator)];
            double[] correct = Compare(example, context.Steps(Inputs), generator, programs);
            double[] seconds = Time(example, context.Steps(Rounds), generator, programs[..^1]);
            foreach ((int index, (string arm, ProgramOptions _)) in Backends.Index())
            {
                found[$"{arm}, {example.Title}", Correct] = correct[index];
                found[$"{arm}, {example.Title}", Ratio] = seconds[0] / seconds[index + 1];
            }

            found[$"{Trace}, {example.Title}", Correct] = correct[^1];
            (leastCompiled, mostTraced) = (Math.Min(leastCompiled, correct[0]), Math.Max(mostTraced, correct[^1]));
            ratios.Add(seconds[0] / seconds[1]);
            Array.ForEach(programs, program => program.Dispose());
        }

        found[$"{Parts}, {All}", Correct] = leastCompiled;
        found[$"{Trace}, {All}", Correct] = mostTraced;
        found[$"{Parts}, {All}", Ratio] = Math.Exp(ratios.Average(Math.Log));
        found[$"{Parts}, least", Ratio] = ratios.Min();
        found["any", Condition] = TimeCondition();
        return found;
    }

    private static CompiledProgram TraceOf(IDynamicExample example, Generator generator)
    {
        using var scope = NewDisposeScope();
        return CompiledProgram.Compile(ProgramTrace.Record(example.Program(), example.Draw(0, generator)), new ProgramOptions());
    }

    /// <summary>For each program the share of inputs at which it gives the bits of the method.</summary>
    private static double[] Compare(IDynamicExample example, int inputs, Generator generator, params CompiledProgram[] programs)
    {
        var right = new int[programs.Length];
        for (int index = 0; index < inputs; index++)
        {
            using var scope = NewDisposeScope();
            Value[] input = example.Draw(index, generator);
            Tensor expected = example.Plain(input);
            foreach ((int number, CompiledProgram program) in programs.Index())
            {
                right[number] += expected.equal(program.Run(input)[0].Tensor).all().item<bool>() ? 1 : 0;
            }
        }

        return [.. right.Select(count => (double)count / inputs)];
    }

    /// <summary>Median seconds of a round: of the method, then of each program, taking turns over the same inputs.</summary>
    private static double[] Time(IDynamicExample example, int rounds, Generator generator, params CompiledProgram[] programs)
    {
        var calls = new List<Action<Value[]>> { input => example.Plain(input) };
        calls.AddRange(programs.Select(program => (Action<Value[]>)(input => program.Run(input))));
        List<double>[] seconds = [.. calls.Select(_ => new List<double>())];
        for (int round = 0; round < Warmup + rounds; round++)
        {
            using var scope = NewDisposeScope();
            Value[][] inputs = [.. Enumerable.Range(0, Round).Select(index => example.Draw(index, generator))];
            for (int turn = 0; turn < calls.Count; turn++)
            {
                int number = (turn + round) % calls.Count;
                long start = Stopwatch.GetTimestamp();
                foreach (Value[] input in inputs)
                {
                    using var call = NewDisposeScope();
                    calls[number](input);
                }

                if (round >= Warmup)
                {
                    seconds[number].Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
                }
            }
        }

        return [.. seconds.Select(one => one.Order().ElementAt(one.Count / 2))];
    }

    private static double TimeCondition()
    {
        const int Reads = 10_000;
        using Tensor truth = tensor(true);
        long start = Stopwatch.GetTimestamp();
        for (int read = 0; read < Reads; read++)
        {
            _ = truth.item<bool>();
        }

        return Stopwatch.GetElapsedTime(start).TotalMicroseconds / Reads;
    }
}
