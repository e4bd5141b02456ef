using System.Text.Json;

namespace Millrace.Evaluation.Verification;

/// <summary>The class that a configuration names.</summary>
internal static class ClassNames
{
    public const string Unknown = "unknown class";

    public static string Of(JsonElement config) =>
        config.TryGetProperty("_class_name", out JsonElement name) ? name.ToString()
        : config.TryGetProperty("architectures", out JsonElement names) && names.ValueKind == JsonValueKind.Array && names.GetArrayLength() > 0 ? names[0].ToString()
        : Unknown;
}
