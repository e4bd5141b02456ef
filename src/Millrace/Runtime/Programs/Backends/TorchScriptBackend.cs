using static TorchSharp.torch;

namespace Millrace.Runtime.Programs.Backends;

/// <summary>
/// Writes a part as a function of TorchScript and has libtorch compile it: one call from C# instead of one for each operator. Weights are
/// parameters of the function, so that what is loaded into them later counts.
/// </summary>
public sealed class TorchScriptBackend : IPartBackend
{
    /// <inheritdoc/>
    public string Name => "TorchScript";

    /// <inheritdoc/>
    public PartKeyKind Key => PartKeyKind.Numbers;

    /// <inheritdoc/>
    public ICompiledPart Compile(Part part, IReadOnlyList<Value> example)
    {
        PartGraph graph = PartGraph.Of(part, example);
        int[] passed = [.. example.Index().Where(input => input.Item.Kind != ValueKind.Whole).Select(input => input.Index)];
        return new ScriptPart(jit.compile(TorchScriptText.Of(graph)), graph, passed);
    }

    private sealed class ScriptPart(jit.CompilationUnit unit, PartGraph graph, int[] passed) : ICompiledPart
    {
        // The weights stay where they are from call to call.
        private readonly object[] _arguments = [.. new object[passed.Length], .. graph.Weights];

        public Value[] Run(Value[] inputs)
        {
            for (int index = 0; index < passed.Length; index++)
            {
                Value input = inputs[passed[index]];
                _arguments[index] = input.Kind == ValueKind.Tensor ? (object)input.Tensor : input.Real;
            }

            return unit.invoke(TorchScriptText.Function, _arguments) switch
            {
                Tensor single => [single],
                Tensor[] several => Array.ConvertAll(several, tensor => (Value)tensor),
                var other => throw new ProgramException($"A compiled part gave {other?.GetType().Name ?? "nothing"} where tensors were expected."),
            };
        }

        public void Dispose() => unit.Dispose();
    }
}
