using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Millrace.Files;

/// <summary>JSON files that other programs wrote.</summary>
internal static partial class JsonFile
{
    /// <summary>Reads a file; the numbers beyond JSON that Python writes become null.</summary>
    /// <param name="path">Where the file is.</param>
    /// <param name="content">What it must hold, for the message.</param>
    /// <exception cref="InvalidDataException">Where it holds something else.</exception>
    public static T Read<T>(string path, string content)
    {
        try
        {
            byte[] json = Encoding.UTF8.GetBytes(PythonNumber().Replace(File.ReadAllText(path), "null"));
            CheckText(json);
            return JsonSerializer.Deserialize<T>(json) ?? throw new JsonException("it is null");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or ArgumentException)
        {
            throw new InvalidDataException($"{path}: the file must hold {content}: {error.Message}", error);
        }
    }

    /// <summary>Half a character written as an escape would otherwise show only where the text is used.</summary>
    private static void CheckText(byte[] json)
    {
        var reader = new Utf8JsonReader(json);
        while (reader.Read())
        {
            _ = reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName ? reader.GetString() : null;
        }
    }

    [GeneratedRegex(@"(?<=[:,\[]\s*)(-?Infinity|NaN)(?=\s*[,\]}])")]
    private static partial Regex PythonNumber();
}
