using Millrace.Runtime.Programs;
using Millrace.Runtime.Programs.Backends;
using Millrace.Tests.Support;
using static Millrace.Runtime.Programs.Statement;
using static Millrace.Tests.Runtime.Programs.SampleBlocks;
using static TorchSharp.torch;

namespace Millrace.Tests.Runtime.Programs;

public sealed class ProgramTests
{
    private const int Programs = 200, Rows = 5;

    public static TheoryData<ProgramPasses> Passes =>
    [
        ProgramPasses.None, ProgramPasses.Merge, ProgramPasses.Hoist, ProgramPasses.Fold, ProgramPasses.Share, ProgramPasses.DropDead, ProgramPasses.DuplicateTails,
        ProgramPasses.All,
    ];

    [Theory]
    [MemberData(nameof(Passes))]
    public void Every_pass_leaves_the_results_of_random_programs(ProgramPasses passes)
    {
        using var scope = NewDisposeScope();
        for (int seed = 0; seed < Programs; seed++)
        {
            using var one = NewDisposeScope();
            TensorProgram program = RandomPrograms.Make(seed);
            (Tensor a, Tensor b) = Inputs(seed, 1);
            using var compiled = CompiledProgram.Compile(program, new ProgramOptions { Passes = passes });
            AssertSame(program, PlainInterpreter.RunRows(program, a, b), compiled.Run(a, b));
            Assert.True(compiled.PeakHeld <= compiled.LargestLiveSet, $"{program.Name} held {compiled.PeakHeld} tensors, and never more than {compiled.LargestLiveSet} are wanted.");
        }
    }

    [Fact]
    public void Rows_that_part_and_meet_again_are_those_that_went_alone()
    {
        int parted = 0;
        for (int seed = 0; seed < Programs / 2; seed++)
        {
            using var one = NewDisposeScope();
            TensorProgram program = RandomPrograms.Make(seed);
            (Tensor a, Tensor b) = Inputs(seed, Rows);
            using var compiled = CompiledProgram.Compile(program, new ProgramOptions { Policy = BatchPolicy.Group });
            AssertSame(program, PlainInterpreter.RunRows(program, a, b), compiled.Run(a, b));
            using var together = CompiledProgram.Compile(program, new ProgramOptions { Policy = BatchPolicy.All });
            parted += Record.Exception(() => together.Run(a, b)) is ProgramException ? 1 : 0;
        }

        Assert.InRange(parted, Programs / 8, Programs / 2);
    }

    [Fact]
    public void Compiled_by_TorchScript_they_give_the_same_bits()
    {
        int variants = 0;
        for (int seed = 0; seed < Programs / 4; seed++)
        {
            using var one = NewDisposeScope();
            TensorProgram program = RandomPrograms.Make(seed);
            using var compiled = CompiledProgram.Compile(program, new ProgramOptions { Backend = new TorchScriptBackend(), RequireCompiled = true });
            for (int again = 0; again < 4; again++)
            {
                (Tensor a, Tensor b) = Inputs(seed + (1000 * again), 1);
                AssertSame(program, PlainInterpreter.RunRows(program, a, b), compiled.Run(a, b));
            }

            variants += compiled.Report.Sum(part => part.Variants);
        }

        Assert.InRange(variants, Programs / 4, int.MaxValue);
    }

    [Fact]
    public void Nothing_lives_on_after_a_call_or_a_failed_one()
    {
        using var scope = NewDisposeScope();
        (Tensor a, Tensor b) = Inputs(1, Rows);
        TensorProgram[] programs = [.. Enumerable.Range(0, 10).Select(RandomPrograms.Make)];
        Living.StaysConstant(
            () =>
            {
                foreach (TensorProgram program in programs)
                {
                    using var call = NewDisposeScope();
                    using var compiled = CompiledProgram.Compile(program, new ProgramOptions { Policy = BatchPolicy.Group });
                    compiled.Run(a, b);
                    using var together = CompiledProgram.Compile(program, new ProgramOptions { Policy = BatchPolicy.All });
                    if (Record.Exception(() => together.Run(a, b)) is not null and not ProgramException)
                    {
                        Assert.Fail($"{program.Name} failed otherwise than by rows that disagree.");
                    }
                }
            },
            repeats: 1);
    }

    [Fact]
    public void Signatures_hold_what_is_wanted_and_no_more()
    {
        // Every name is set once, so that an output which is missing is an unset variable.
        TensorProgram program = new("once", ["a", "b"],
        [
            new Apply(Mean, ["a", "b"], ["m"]),
            new Apply(Difference, ["a", "b"], ["d"]),
            new Apply(Less, ["m", "d"], ["unread"]),
            new If(new Condition(IsLarge, ["m"]), [new Return(["d"])], []),
            new Apply(Turned, ["m"], ["t"]),
            new If(new Condition(IsLarge, ["t"]), [new Apply(Mean, ["t", "b"], ["u"]), new Return(["u"])], []),
            new Return(["t"]),
        ]);
        ControlFlowGraph graph = Lowering.Lower(program, new ProgramOptions());
        Liveness liveness = Liveness.Of(graph);
        int outputs = 0;
        foreach ((int id, ProgramNode node) in graph.Nodes)
        {
            foreach (string name in Part.Of(node, liveness.After(id)).Outputs)
            {
                outputs++;
                var without = new ProgramNode([.. node.Operations.Select(operation => operation with { Outputs = [.. operation.Outputs.Select(output => output == name ? "lost" : output)] })], node.Exit);
                Assert.Throws<ProgramException>(() => DefiniteAssignment.Check(graph.With(new Dictionary<int, ProgramNode>(graph.Nodes) { [id] = without })));
            }
        }

        Assert.Equal(6, outputs); // m, d, the first condition; t, the second; u
    }

    [Fact]
    public void Each_pass_does_what_it_is_for()
    {
        Block heavy = Unary("heavy", a => a.relu(), (graph, a) => graph.Apply("relu", a));
        var program = new TensorProgram("passes", ["a", "b"],
        [
            new If(Condition.Known(false), [new Apply(Turned, ["a"], ["a"])], []),
            new For("i", 20,
            [
                new Apply(heavy, ["b"], ["h"]),
                new Apply(Mean, ["a", "h"], ["a"]),
                new If(new Condition(IsLarge, ["a"]), [new Apply(Turned, ["a"], ["a"])], [new Apply(Turned, ["a"], ["a"])]),
                new Apply(Less, ["a", "h"], ["a"]),
                new Apply(Less, ["a", "h"], ["never read"]),
            ]),
            new Return(["a"]),
        ]);
        (int Nodes, int Heavy, int Parts, bool Dead) With(ProgramPasses passes)
        {
            int runs = 0;
            Block counting = new(heavy.Name, values => { runs++; return heavy.Run(values); });
            TensorProgram counted = program with { Body = [program.Body[0], ((For)program.Body[1]) with { Body = [new Apply(counting, ["b"], ["h"]), .. ((For)program.Body[1]).Body.Skip(1)] }, program.Body[2]] };
            using var one = NewDisposeScope();
            using var compiled = CompiledProgram.Compile(counted, new ProgramOptions { Passes = passes });
            (Tensor a, Tensor b) = Inputs(3, 1);
            AssertSame(program, PlainInterpreter.RunRows(program, a, b), compiled.Run(a, b));
            return (compiled.Graph.Nodes.Count, runs, compiled.Report.Count, compiled.Graph.Nodes.Values.Any(node => node.Sets.Contains("never read")));
        }

        var none = With(ProgramPasses.None);
        Assert.True(With(ProgramPasses.Merge).Nodes < none.Nodes);
        Assert.Equal(20, none.Heavy);
        Assert.Equal(1, With(ProgramPasses.Hoist).Heavy);
        Assert.True(With(ProgramPasses.Fold).Nodes < none.Nodes);
        Assert.True(With(ProgramPasses.Share).Parts < none.Parts);
        Assert.True(none.Dead);
        Assert.False(With(ProgramPasses.DropDead).Dead);
        Assert.True(With(ProgramPasses.Merge | ProgramPasses.DuplicateTails).Nodes < With(ProgramPasses.Merge).Nodes);
    }

    [Fact]
    public void Loops_of_no_rounds_and_breaks_out_of_the_inner_loop_alone()
    {
        using var scope = NewDisposeScope();
        var program = new TensorProgram("loops", ["a", "n"],
        [
            new For("i", "n", [new Apply(Turned, ["a"], ["a"])]),
            new For("j", 6, [new For("k", 6, [new Apply(Moved, ["a", 1], ["a"]), new If(Condition.Known(true), [new Break()], [])])]),
            new Return(["a"]),
        ]);
        using var compiled = CompiledProgram.Compile(program, new ProgramOptions());
        Assert.Equal(0.75f, compiled.Run(zeros(1, 2), 0)[0].Tensor[0, 0].item<float>());
        Assert.Equal(-0.5f + 0.75f, compiled.Run(Full([1, 2], 0.5f), 3)[0].Tensor[0, 0].item<float>());
    }

    [Fact]
    public void Every_way_is_gone_by_inputs_that_want_it()
    {
        using var scope = NewDisposeScope();
        var entered = new HashSet<int>();
        var program = new TensorProgram("ways", ["a", "b"],
        [
            new If(new Condition(IsLarge, ["a"]), [new Apply(Turned, ["a"], ["a"])], [new Apply(Mean, ["a", "b"], ["a"])]),
            new If(new Condition(IsLarge, ["b"]), [new Return(["a"])], [new Apply(Less, ["a", "b"], ["a"])]),
            new If(Condition.Known(false), [new Apply(Positive, ["a"], ["a"])], []),
            new Return(["a"]),
        ]);
        using var compiled = CompiledProgram.Compile(program, new ProgramOptions { Entered = id => entered.Add(id) });
        foreach ((float first, float second) in new[] { (1f, 1f), (1f, 0f), (0f, 1f), (0f, 0f) })
        {
            compiled.Run(Full([1, 2], first), Full([1, 2], second));
        }

        Assert.Equal(compiled.Graph.Nodes.Keys.Order(), entered.Order());
        Assert.DoesNotContain(compiled.Report, part => part.Name.Contains(Positive.Name, StringComparison.Ordinal));
    }

    [Fact]
    public void A_kept_variable_is_there_at_the_next_call()
    {
        using var scope = NewDisposeScope();
        var program = new TensorProgram("cache", ["x", "is key"],
        [
            new If(Condition.Variable("is key"), [new Apply(Turned, ["x"], ["cache"])], []),
            new Apply(Mean, ["x", "cache"], ["y"]),
            new Return(["y"]),
        ])
        { Kept = ["cache"] };
        Living.StaysConstant(
            () =>
            {
                using var call = NewDisposeScope();
                using var compiled = CompiledProgram.Compile(program, new ProgramOptions());
                Assert.Contains("'cache'", Assert.Throws<ProgramException>(() => compiled.Run(ones(1, 2), false)).Message, StringComparison.Ordinal);
                compiled.Run(ones(1, 2), true);
                Assert.Equal(1f, compiled.Run(Full([1, 2], 3f), false)[0].Tensor[0, 0].item<float>());
                compiled.Forget();
                Assert.Throws<ProgramException>(() => compiled.Run(ones(1, 2), false));
            },
            repeats: 3);
    }

    [Fact]
    public void Equal_code_with_other_weights_is_another_part()
    {
        using var scope = NewDisposeScope();
        Block Layer(Tensor weight) => Unary("layer", a => a * weight, (graph, a) => graph.Apply("mul", a, weight));
        Block one = Layer(Full([2], 2f)), other = Layer(Full([2], 3f));
        TensorProgram Of(Block second) => new("shared", ["a"],
        [
            new If(new Condition(IsLarge, ["a"]), [new Apply(one, ["a"], ["y"]), new Return(["y"])], [new Apply(second, ["a"], ["z"]), new Return(["z"])]),
        ]);
        using var same = CompiledProgram.Compile(Of(one), new ProgramOptions { Backend = new TorchScriptBackend() });
        using var different = CompiledProgram.Compile(Of(other), new ProgramOptions { Backend = new TorchScriptBackend() });
        Assert.Equal(2, same.Report.Count);
        Assert.Equal(3, different.Report.Count);
        Assert.Equal(-3f, different.Run(Full([1, 2], -1f))[0].Tensor[0, 0].item<float>());
        Assert.Equal(2f, different.Run(Full([1, 2], 1f))[0].Tensor[0, 0].item<float>());
    }

    [Fact]
    public void A_backend_that_knows_shapes_is_asked_for_each_and_no_further_than_the_limit()
    {
        using var scope = NewDisposeScope();
        var backend = new OneShape();
        var program = new TensorProgram("shapes", ["a"], [new Apply(Turned, ["a"], ["a"]), new Return(["a"])]);
        using var compiled = CompiledProgram.Compile(program, new ProgramOptions { Backend = backend, Variants = 2 });
        foreach (int width in new[] { 3, 4, 3, 4, 5, 5 })
        {
            Assert.Equal(-1f, compiled.Run(ones(1, width))[0].Tensor[0, 0].item<float>());
        }

        Assert.Equal(2, backend.Compiled);
        Assert.Equal("calls brought more than 2 variants", Assert.Single(compiled.Report).Uncompiled);
        using var strict = CompiledProgram.Compile(program, new ProgramOptions { Backend = backend, Variants = 1, RequireCompiled = true });
        strict.Run(ones(1, 3));
        Assert.Throws<ProgramException>(() => strict.Run(ones(1, 4)));
    }

    public static TheoryData<string, TensorProgram> Misuse => new()
    {
        {
            "Program 'p' reads 'y' where nothing was stored in it, in 'turned', on the way false at 'is large'; every way to a read sets the variable.",
            new("p", ["x"], [new If(new Condition(IsLarge, ["x"]), [new Apply(Turned, ["x"], ["y"])], []), new Apply(Turned, ["y"], ["y"]), new Return(["y"])])
        },
        { "Program 'p' ends without a return on a way after 'turned'; every way ends with one.", new("p", ["x"], [new Apply(Turned, ["x"], ["y"])]) },
        { "Program 'p' has a break after 'turned' outside of a loop; a break leaves the innermost loop.", new("p", ["x"], [new Apply(Turned, ["x"], ["y"]), new Break()]) },
        {
            "Program 'p' has a while loop at its beginning or where ways meet without a limit; give it the most rounds that it may take.",
            new("p", ["x"], [new While(new Condition(IsLarge, ["x"]), []), new Return(["x"])])
        },
    };

    [Theory]
    [MemberData(nameof(Misuse))]
    public void A_program_that_is_none_is_refused_in_a_sentence(string message, TensorProgram program) =>
        Assert.Equal(message, Assert.Throws<ProgramException>(() => CompiledProgram.Compile(program, new ProgramOptions())).Message);

    [Fact]
    public void A_call_that_is_not_allowed_is_refused_in_a_sentence()
    {
        using var scope = NewDisposeScope();
        var choice = new TensorProgram("p", ["x"], [new If(new Condition(IsLarge, ["x"]), [new Return(["x"])], []), new Return(["x"])]);
        var endless = new TensorProgram("q", ["x"], [new While(Condition.Known(true), []) { Limit = 3 }, new Return(["x"])]);
        Tensor disagree = tensor(new float[,] { { 0, 0 }, { 1, 1 } });
        string Message(TensorProgram program, BatchPolicy policy, params Value[] inputs)
        {
            using var compiled = CompiledProgram.Compile(program, new ProgramOptions { Policy = policy });
            return Assert.Throws<ProgramException>(() => compiled.Run(inputs)).Message;
        }

        Assert.Equal("Input 'x' of program 'p' has 2 rows; policy One takes one, Group and All take more.", Message(choice, BatchPolicy.One, disagree));
        Assert.Equal("Condition 'is large' of program 'p' has 2 elements that disagree; policy All wants one way for all rows.", Message(choice, BatchPolicy.All, disagree));
        Assert.Equal("A while loop of program 'q' took more than its 3 rounds; give it a larger limit, or a condition that ends it.", Message(endless, BatchPolicy.One, ones(1, 1)));
        Assert.Equal("Program 'p' takes 1 inputs (x), and was given 2.", Message(choice, BatchPolicy.One, ones(1, 1), 1));
    }

    private static (Tensor A, Tensor B) Inputs(int seed, int rows)
    {
        using var generator = new Generator((ulong)seed);
        return (randn([rows, 3], generator: generator), randn([rows, 3], generator: generator));
    }

    // Not full(): its number would be a temporary scalar.
    private static Tensor Full(long[] shape, float value) => tensor(Enumerable.Repeat(value, (int)shape.Aggregate(1L, (product, side) => product * side)).ToArray(), shape);

    private static void AssertSame(TensorProgram program, Tensor[] expected, Value[] found)
    {
        Assert.Equal(expected.Length, found.Length);
        foreach ((Tensor wanted, Value got) in expected.Zip(found))
        {
            Assert.True(wanted.equal(got.Tensor).all().item<bool>(), $"{program.Name} gives something else.");
        }
    }

    private sealed class OneShape : IPartBackend
    {
        public string Name => "one shape";

        public PartKeyKind Key => PartKeyKind.Shapes;

        public int Compiled { get; private set; }

        public ICompiledPart Compile(Part part, IReadOnlyList<Value> example)
        {
            Compiled++;
            return new Compilation(new EagerBackend().Compile(part, example), example[0].Tensor.shape);
        }

        private sealed class Compilation(ICompiledPart part, long[] shape) : ICompiledPart
        {
            public Value[] Run(Value[] inputs)
            {
                Assert.Equal(shape, inputs[0].Tensor.shape);
                return part.Run(inputs);
            }

            public void Dispose() => part.Dispose();
        }
    }
}
