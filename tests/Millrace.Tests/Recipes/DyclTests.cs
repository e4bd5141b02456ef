using Millrace.Recipes.Dycl;
using Millrace.Runtime.Programs;
using Millrace.Runtime.Programs.Backends;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Recipes;

public sealed class DyclTests
{
    private const int Inputs = 60;

    public static TheoryData<string> Titles => ["early exit", "skipped layers", "cached encoder", "adaptive steps", "routed experts"];

    [Theory]
    [MemberData(nameof(Titles))]
    public void A_network_cut_into_parts_gives_the_bits_of_its_method_on_every_way_and_its_trace_does_not(string title)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        using var generator = new Generator(7);
        using IDynamicExample example = Make(title, generator);
        var entered = new HashSet<int>();
        using var compiled = CompiledProgram.Compile(
            example.Program(), new ProgramOptions { Backend = new TorchScriptBackend(), Variants = 64, RequireCompiled = true, Entered = id => entered.Add(id) });
        using var plain = CompiledProgram.Compile(example.Program(), new ProgramOptions());
        using var trace = CompiledProgram.Compile(ProgramTrace.Record(example.Program(), example.Draw(0, generator)), new ProgramOptions());
        int traced = 0;
        for (int index = 0; index < Inputs; index++)
        {
            using var one = NewDisposeScope();
            Value[] input = example.Draw(index, generator);
            Tensor expected = example.Plain(input);
            Assert.True(expected.equal(compiled.Run(input)[0].Tensor).all().item<bool>(), $"input {index}, compiled");
            Assert.True(expected.equal(plain.Run(input)[0].Tensor).all().item<bool>(), $"input {index}, plain");
            traced += expected.equal(trace.Run(input)[0].Tensor).all().item<bool>() ? 1 : 0;
        }

        Assert.InRange(traced, 1, Inputs - 1); // its own input at the least, and not those of other ways
        if (title != "routed experts")
        {
            // There the way on which no expert is the best one stands in the program, and nobody goes it.
            Assert.Equal(compiled.Graph.Nodes.Keys.Order(), entered.Order());
        }
    }

    [Fact]
    public void Experts_are_asked_by_the_rows_that_want_them()
    {
        using var scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        using var generator = new Generator(7);
        using var experts = new RoutedExperts(generator);
        using var host = experts.CompileForward(new ProgramOptions { Policy = BatchPolicy.Group });
        Tensor rows = randn([32, 16], generator: generator);
        Tensor expected = cat([.. Enumerable.Range(0, 32).Select(row => experts.call(rows.narrow(0, row, 1)))], 0);
        Assert.True(expected.allclose(host.Run(rows), 1e-5, 1e-6));
        Living.StaysConstant(() => host.Run(rows).Dispose(), repeats: 5);
    }

    private static IDynamicExample Make(string title, Generator generator) => title switch
    {
        "early exit" => new EarlyExitNetwork(generator),
        "skipped layers" => new SkipLayerUNet(generator),
        "cached encoder" => new CachedEncoderUNet(generator),
        "adaptive steps" => new AdaptiveFlow(generator),
        _ => new RoutedExperts(generator),
    };
}
