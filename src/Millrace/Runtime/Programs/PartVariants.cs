using System.Text;
using Millrace.Runtime.Programs.Backends;
using static TorchSharp.torch;

namespace Millrace.Runtime.Programs;

/// <summary>One part and what the back-end made of it, for each key that calls brought; uncompiled where it made nothing.</summary>
internal sealed class PartVariants(Part part, ProgramOptions options) : IDisposable
{
    private readonly ICompiledPart _eager = new EagerBackend().Compile(part, []);
    private readonly Dictionary<string, ICompiledPart> _compiled = [];
    private readonly PartKeyKind _keyKind = options.Backend.Key == PartKeyKind.Numbers && part.Inputs == 0 ? PartKeyKind.Part : options.Backend.Key;

    public Part Part => part;

    /// <summary>How many variants were compiled.</summary>
    public int Count => _compiled.Values.Count(compiled => compiled != _eager);

    /// <summary>Why it runs uncompiled, all or some of the time; null where it does not.</summary>
    public string? Uncompiled { get; private set; }

    public Value[] Run(Value[] inputs) => part.OnHost ? _eager.Run(inputs) : For(inputs).Run(inputs);

    private ICompiledPart For(Value[] inputs)
    {
        string key = Key(inputs);
        if (_compiled.TryGetValue(key, out ICompiledPart? compiled))
        {
            return compiled;
        }

        if (_compiled.Count >= options.Variants)
        {
            Refuse($"calls brought more than {options.Variants} variants");
            return _eager;
        }

        try
        {
            return _compiled[key] = options.Backend.Compile(part, inputs);
        }
        catch (PartNotCompiledException error)
        {
            Refuse(error.Message, error);
            return _compiled[key] = _eager;
        }
    }

    private void Refuse(string reason, Exception? error = null)
    {
        Uncompiled ??= reason;
        if (options.RequireCompiled)
        {
            throw new ProgramException($"{options.Backend.Name} cannot compile part '{part.Name}': {reason}.", error);
        }
    }

    private string Key(Value[] inputs)
    {
        if (_keyKind == PartKeyKind.Part)
        {
            return "";
        }

        StringBuilder? key = null;
        foreach (Value input in inputs)
        {
            if (input.Kind == ValueKind.Whole)
            {
                (key ??= new StringBuilder()).Append(input.Whole).Append(';');
            }
            else if (_keyKind == PartKeyKind.Shapes && input.Kind == ValueKind.Tensor)
            {
                Tensor tensor = input.Tensor;
                (key ??= new StringBuilder()).Append(tensor.dtype).Append('@').Append(tensor.device).AppendJoin(',', tensor.shape).Append(';');
            }
        }

        return key?.ToString() ?? "";
    }

    public void Dispose()
    {
        foreach (ICompiledPart compiled in _compiled.Values)
        {
            compiled.Dispose();
        }
    }
}
