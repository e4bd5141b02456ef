using Millrace.Runtime.Programs;
using Millrace.Runtime.Programs.Backends;
using static TorchSharp.torch;

namespace Millrace.Tests.Runtime.Programs;

/// <summary>libtorch ends the process over a script that it does not understand: every operator that parts may hold is compiled here.</summary>
public sealed class PartOperatorTests
{
    private static readonly long[] Ones = [1, 1];

    /// <summary>The arguments after the first of each operator, where they are not the usual ones; the first is [1, 4, 6, 6].</summary>
    private static readonly Dictionary<string, GraphArgument[][]> Arguments = new()
    {
        ["clamp"] = [[0.1, 0.9]],
        ["clamp_min"] = [[0.1]],
        ["clamp_max"] = [[0.1]],
        ["where"] = [[Weight(1), Weight(1)]],
        ["softmax"] = [[1]],
        ["sum"] = [[], [new long[] { 2, 3 }], [new long[] { 2, 3 }, true]],
        ["mean"] = [[], [new long[] { 2, 3 }], [new long[] { 2, 3 }, true]],
        ["amax"] = [[new long[] { 1 }], [new long[] { 1 }, true]],
        ["amin"] = [[new long[] { 1 }], [new long[] { 1 }, true]],
        ["argmax"] = [[], [1], [1, true]],
        ["linear"] = [[Weight(3, 6)], [Weight(3, 6), GraphArgument.None], [Weight(3, 6), Weight(3)]],
        ["matmul"] = [[Weight(6, 2)]],
        ["conv2d"] = [[Weight(2, 4, 3, 3)], [Weight(2, 4, 3, 3), Weight(2)], [Weight(2, 4, 3, 3), GraphArgument.None, Ones], [Weight(2, 4, 3, 3), Weight(2), Ones, Ones], [Weight(2, 4, 3, 3), Weight(2), Ones, Ones, Ones, 1]],
        ["group_norm"] = [[2], [2, Weight(4)], [2, Weight(4), Weight(4)], [2, Weight(4), Weight(4), 1e-5]],
        ["layer_norm"] = [[new long[] { 6 }], [new long[] { 6 }, Weight(6), Weight(6), 1e-5]],
        ["avg_pool2d"] = [[new long[] { 2, 2 }]],
        ["upsample_nearest2d"] = [[new long[] { 12, 12 }, GraphArgument.None, GraphArgument.None]],
        ["flatten"] = [[1], [1, 2]],
        ["reshape"] = [[new long[] { 1, -1 }]],
        ["permute"] = [[new long[] { 0, 2, 3, 1 }]],
        ["pixel_shuffle"] = [[2]],
        ["unsqueeze"] = [[0]],
        ["squeeze"] = [[0]],
        ["narrow"] = [[1, 0, 2]],
        ["select"] = [[1, 0]],
        ["index_select"] = [[1, (GraphArgument)tensor(new long[] { 0, 2 }).DetachFromDisposeScope()]],
    };

    private static readonly string[] WithNumbers = ["add", "sub", "mul", "div", "rsub", "gt", "ge", "lt", "le", "eq", "ne"];

    public static TheoryData<string> Names => [.. PartOperators.All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_operator_compiles(string name)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        GraphArgument[][] calls = Arguments.TryGetValue(name, out GraphArgument[][]? own) ? own
            : PartOperators.All[name].Least == 1 ? [[]]
            : WithNumbers.Contains(name) ? [[Weight(1)], [0.5], [2]] : [[Weight(1)]];
        foreach (GraphArgument[] call in calls)
        {
            var block = new Block(name, _ => throw new NotSupportedException())
            {
                Describe = (graph, inputs) =>
                [
                    name == "cat" ? graph.Apply(name, GraphArgument.List(inputs[0], Weight(1, 4, 6, 6)), 1)
                    : name is "where" or "logical_and" ? graph.Apply(name, [graph.Apply("gt", inputs[0], 0.5), .. call])
                    : graph.Apply(name, [inputs[0], .. call]),
                ],
            };
            var program = new TensorProgram(name, ["x"], [new Statement.Apply(block, ["x"], ["y"]), new Statement.Return(["y"])]);
            using var compiled = CompiledProgram.Compile(program, new ProgramOptions { Backend = new TorchScriptBackend(), RequireCompiled = true });
            Assert.True(compiled.Run(rand(1, 4, 6, 6))[0].Tensor.numel() > 0);
        }
    }

    [Fact]
    public void The_layers_of_both_kinds_are_their_operators()
    {
        using var scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        nn.Module<Tensor, Tensor>[] layers =
        [
            nn.Linear(6, 5), nn.Conv2d(4, 3, 3, padding: 1, stride: 2), nn.GroupNorm(2, 4), nn.ReLU(), nn.SiLU(), nn.Sigmoid(), nn.Tanh(), nn.Sequential(nn.Conv2d(4, 3, 1), nn.SiLU()),
            new Millrace.Models.Layers.Linear(6, 5), new Millrace.Models.Layers.Convolution2d(4, 3, 3, padding: 1),
        ];
        foreach (nn.Module<Tensor, Tensor> layer in layers)
        {
            foreach (Tensor weight in layer.parameters())
            {
                nn.init.uniform_(weight);
            }

            var block = new Block("layer", values => [layer.call(values[0].Tensor)]) { Describe = (graph, inputs) => [graph.Call(layer, inputs)] };
            var program = new TensorProgram("layer", ["x"], [new Statement.Apply(block, ["x"], ["y"]), new Statement.Return(["y"])]);
            using var compiled = CompiledProgram.Compile(program, new ProgramOptions { Backend = new TorchScriptBackend(), RequireCompiled = true });
            Tensor x = rand(1, 4, 6, 6);
            Assert.True(layer.call(x).equal(compiled.Run(x)[0].Tensor).all().item<bool>(), layer.GetName());
            layer.Dispose();
        }
    }

    [Fact]
    public void What_has_no_operators_is_said_and_runs_uncompiled()
    {
        using var scope = NewDisposeScope();
        var odd = new Block("odd", values => [values[0].Tensor.neg()]) { Describe = (graph, inputs) => [graph.Apply("fft_fft", inputs[0])] };
        var program = new TensorProgram("odd", ["x"], [new Statement.Apply(odd, ["x"], ["y"]), new Statement.Return(["y"])]);
        using var compiled = CompiledProgram.Compile(program, new ProgramOptions { Backend = new TorchScriptBackend() });
        Assert.Equal(-1f, compiled.Run(ones(1))[0].Tensor[0].item<float>());
        Assert.Equal(new PartReport("odd", "eager", 0, "the operator 'fft_fft' is not among those that are compiled", 1), Assert.Single(compiled.Report));
        using var strict = CompiledProgram.Compile(program, new ProgramOptions { Backend = new TorchScriptBackend(), RequireCompiled = true });
        Assert.Equal("TorchScript cannot compile part 'odd': the operator 'fft_fft' is not among those that are compiled.", Assert.Throws<ProgramException>(() => strict.Run(ones(1))).Message);
    }

    private static GraphArgument Weight(params long[] shape) => rand(shape).DetachFromDisposeScope();
}
