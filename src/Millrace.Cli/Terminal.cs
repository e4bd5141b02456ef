using System.Text.Json;
using System.Text.Json.Serialization;
using Spectre.Console;

namespace Millrace.Cli;

/// <summary>Where a command writes: results on the output, progress, warnings and errors on the error stream.</summary>
internal sealed class Terminal(TextWriter output, TextWriter error, bool interactive)
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    public TextWriter Output { get; } = output;

    public TextWriter Error { get; } = error;

    /// <summary>Whether a person watches the error stream: then progress is a bar, else plain lines.</summary>
    public bool Interactive { get; } = interactive;

    public static Terminal OfProcess() => new(Console.Out, Console.Error, interactive: !Console.IsErrorRedirected);

    /// <summary>A line of the result.</summary>
    public void WriteLine(string line = "") => Output.WriteLine(line);

    /// <summary>A result for machines: one line.</summary>
    /// <param name="value">The result.</param>
    /// <param name="beside">Whether to write it on the error stream, where the output carries frames.</param>
    public void WriteJson<T>(T value, bool beside = false) => (beside ? Error : Output).WriteLine(JsonSerializer.Serialize(value, Json));

    /// <summary>A line beside the result.</summary>
    public void Note(string line) => Error.WriteLine(line);

    /// <summary>A console over the error stream, for progress bars.</summary>
    public IAnsiConsole Screen() => AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Error) });
}
