namespace Millrace.Compiler;

/// <summary>What a part gives.</summary>
/// <param name="type">Type in C#.</param>
/// <param name="code">Expression after its body.</param>
/// <param name="description">Expression after its description.</param>
internal sealed class PartResult(string type, string code, string description)
{
    public string Type { get; } = type;

    public string Code { get; } = code;

    public string Description { get; } = description;
}
