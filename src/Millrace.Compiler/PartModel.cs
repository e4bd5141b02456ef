namespace Millrace.Compiler;

/// <summary>A method without branches, to be written.</summary>
internal sealed class PartModel
{
    /// <summary>Its number in the method that it is of.</summary>
    public int Number { get; set; }

    /// <summary>Name for messages: what it sets and on which line it starts.</summary>
    public string Title { get; set; } = "";

    /// <summary>Statements of C#, a line each or several.</summary>
    public List<string> Body { get; set; } = [];

    /// <summary>Statements that build the graph; null where there are none.</summary>
    public List<string>? Description { get; set; }

    /// <summary>Why there is no description.</summary>
    public string? NotDescribed { get; set; }

    public List<Variable> Inputs { get; set; } = [];

    public List<PartResult> Results { get; set; } = [];

    /// <summary>Whether it gives numbers alone, and the host runs it.</summary>
    public bool OnHost { get; set; }

    public bool IsPure { get; set; } = true;

    /// <summary>Two parts of the same text are one.</summary>
    public string Key => string.Join("\n", Body) + "|" + string.Join(",", Inputs.ConvertAll(input => input.Type + " " + input.Local)) + "|" + string.Join(",", Results.ConvertAll(result => result.Type + " " + result.Code));
}
