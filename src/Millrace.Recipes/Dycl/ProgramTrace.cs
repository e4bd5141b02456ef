using Millrace.Runtime.Programs;

namespace Millrace.Recipes.Dycl;

/// <summary>What a tracing compiler makes of a program: the operations of one run, without the questions that led to them.</summary>
internal static class ProgramTrace
{
    /// <summary>Records a run.</summary>
    /// <param name="program">The program.</param>
    /// <param name="inputs">Inputs of the run.</param>
    public static TensorProgram Record(TensorProgram program, params Value[] inputs)
    {
        var entered = new List<int>();
        using var compiled = CompiledProgram.Compile(program, new ProgramOptions { Passes = ProgramPasses.None, Entered = entered.Add });
        foreach (Value result in compiled.Run(inputs).Where(result => result.Kind == ValueKind.Tensor))
        {
            result.Tensor.Dispose();
        }

        ProgramNode[] nodes = [.. entered.Select(id => compiled.Graph.Nodes[id])];
        IEnumerable<Statement> operations = nodes.SelectMany(node => node.Operations).Select(operation => new Statement.Apply(operation.Block, operation.Inputs, operation.Outputs));
        return program with { Name = $"trace of {program.Name}", Body = [.. operations, new Statement.Return(((NodeExit.Return)nodes[^1].Exit).Results)] };
    }
}
