using System.Text.Json;
using Millrace.Checkpoints;
using static TorchSharp.torch;

namespace Millrace.Evaluation.Verification;

/// <summary>A network's fixture: its configuration, its weights, its inputs, and what the reference computed from them.</summary>
/// <param name="className">The class that the configuration must name.</param>
/// <param name="inputs">The inputs that ours takes; a fixture with another asks for what ours does not compute.</param>
/// <param name="outputs">The outputs that ours gives; those that the fixture holds are compared.</param>
internal abstract class NetworkFixture(string className, IReadOnlyList<string> inputs, IReadOnlyList<string> outputs) : IFixtureKind
{
    /// <summary>The inputs that every fixture of the kind holds.</summary>
    protected virtual IReadOnlyList<string> Required => inputs;

    public bool Recognizes(FixtureFolder folder, JsonElement document) => ClassNames.Of(document) == className;

    public virtual IEnumerable<FixtureCase> Cases(FixtureFolder folder, JsonElement document) =>
        [new FixtureCase(folder.Label, className, () => Compare(folder))];

    /// <summary>Computes the outputs from the inputs, in the order in which the outputs are named; null where this network has no such output.</summary>
    protected abstract IEnumerable<Tensor?> Compute(FixtureFolder folder, IReadOnlyDictionary<string, Tensor> inputs);

    /// <summary>The inputs that condition a network, by the names of diffusers; no text where there is none.</summary>
    internal static Conditioning ConditioningOf(IReadOnlyDictionary<string, Tensor> inputs) =>
        new(inputs.GetValueOrDefault("encoder_hidden_states") ?? empty(new long[] { inputs["timestep"].shape[0], 0, 0 }))
        {
            TextMask = inputs.GetValueOrDefault("encoder_attention_mask") ?? inputs.GetValueOrDefault("encoder_mask"),
            PooledText = inputs.GetValueOrDefault("text_embeds") ?? inputs.GetValueOrDefault("pooled_projections"),
            SizeIds = inputs.GetValueOrDefault("time_ids"),
            Guidance = inputs.GetValueOrDefault("guidance"),
            ClassLabels = inputs.GetValueOrDefault("class_labels"),
        };

    /// <summary>Where a configuration is well-formed but asks for what ours does not compute, the case is unsupported, not broken.</summary>
    internal static T ReadConfig<T>(FixtureFolder folder, Func<string, T> read)
    {
        try
        {
            return read(folder.PathOf(FixtureFolder.ConfigFile));
        }
        catch (InvalidDataException error)
        {
            throw new NotSupportedException(error.Message, error);
        }
    }

    private List<TensorComparison> Compare(FixtureFolder folder)
    {
        using var scope = NewDisposeScope();
        using var gradients = no_grad();
        using SafetensorsFile file = SafetensorsFile.Open(folder.PathOf(FixtureFolder.TensorFile));
        if (file.Entries.FirstOrDefault(entry => !inputs.Contains(entry.Name) && !outputs.Contains(entry.Name)) is { } unknown)
        {
            throw new NotSupportedException($"The fixture holds \"{unknown.Name}\", which {className} here neither takes nor gives.");
        }

        Dictionary<string, Tensor> values = inputs.Where(name => Required.Contains(name) || file.Contains(name)).ToDictionary(name => name, name => file.Read(name));
        return [.. outputs.Zip(Compute(folder, values)).Where(output => file.Contains(output.First)).Select(output => Compare(output.First, output.Second, file))];
    }

    private TensorComparison Compare(string name, Tensor? ours, SafetensorsFile file) =>
        ours is null
            ? throw new InvalidDataException($"The fixture holds \"{name}\", which a {className} of this configuration does not give.")
            : TensorComparison.Of(name, ours, file.Read(name));
}
