namespace Millrace.Runtime.Programs.Backends;

/// <summary>Calls the blocks, one after the other.</summary>
public sealed class EagerBackend : IPartBackend
{
    /// <inheritdoc/>
    public string Name => "eager";

    /// <inheritdoc/>
    public PartKeyKind Key => PartKeyKind.Part;

    /// <inheritdoc/>
    public ICompiledPart Compile(Part part, IReadOnlyList<Value> example) => new EagerPart(part);

    private sealed class EagerPart(Part part) : ICompiledPart
    {
        public Value[] Run(Value[] inputs)
        {
            var variables = new Value[part.Variables];
            inputs.CopyTo(variables, 0);
            foreach (PartStep step in part.Steps)
            {
                var read = new Value[step.Inputs.Count];
                for (int index = 0; index < read.Length; index++)
                {
                    PartOperand operand = step.Inputs[index];
                    read[index] = operand.IsConstant ? operand.Constant : variables[operand.Variable];
                }

                Value[] made = step.Block.Run(read);
                if (made.Length != step.Outputs.Count)
                {
                    throw new ProgramException($"Block '{step.Block.Name}' gave {made.Length} values, and the program names {step.Outputs.Count}.");
                }

                for (int index = 0; index < made.Length; index++)
                {
                    variables[step.Outputs[index]] = made[index];
                }
            }

            var results = new Value[part.Outputs.Count];
            for (int index = 0; index < results.Length; index++)
            {
                results[index] = variables[part.Outputs[index]];
            }

            return results;
        }

        public void Dispose()
        {
        }
    }
}
