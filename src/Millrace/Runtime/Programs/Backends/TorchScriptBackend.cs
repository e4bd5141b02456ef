using TorchSharp;
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
        public Value[] Run(Value[] inputs)
        {
            var arguments = new object[passed.Length + graph.Weights.Count];
            for (int index = 0; index < passed.Length; index++)
            {
                Value input = inputs[passed[index]];
                arguments[index] = input.Kind == ValueKind.Tensor ? input.Tensor : input.Real;
            }

            for (int index = 0; index < graph.Weights.Count; index++)
            {
                arguments[passed.Length + index] = graph.Weights[index];
            }

            return unit.invoke(TorchScriptText.Function, arguments) switch
            {
                Tensor single => [single],
                Tensor[] several => Array.ConvertAll(several, tensor => (Value)tensor),
                var other => throw new ProgramException($"A compiled part gave {other?.GetType().Name ?? "nothing"} where tensors were expected."),
            };
        }

        public void Dispose() => unit.Dispose();
    }
}
