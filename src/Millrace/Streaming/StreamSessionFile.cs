using System.Text.Json;
using System.Text.Json.Serialization;

namespace Millrace.Streaming;

/// <summary>The layout of a recorded session: a zip archive with <c>session.json</c> and one lossless picture a frame.</summary>
internal static class StreamSessionFile
{
    public const string Document = "session.json";
    public const string Frames = "frames/";

    public static JsonSerializerOptions Json { get; } = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Converters = { new JsonStringEnumConverter() },
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>Name of a frame's entry; id and timestamp are all that a picture does not hold.</summary>
    public static string EntryName(long id, TimeSpan timestamp) => $"{Frames}{id:D10}-{timestamp.Ticks}.png";

    public static bool TryParse(string entryName, out long id, out TimeSpan timestamp)
    {
        string[] parts = Path.GetFileNameWithoutExtension(entryName).Split('-');
        bool valid = long.TryParse(parts[0], out id) & long.TryParse(parts.ElementAtOrDefault(1), out long ticks);
        timestamp = new TimeSpan(ticks);
        return valid && entryName.StartsWith(Frames, StringComparison.Ordinal);
    }
}
