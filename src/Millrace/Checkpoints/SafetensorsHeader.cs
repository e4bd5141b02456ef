using System.Buffers.Binary;
using System.Text.Json;
using static TorchSharp.torch;

namespace Millrace.Checkpoints;

/// <summary>
/// The header of a safetensors file: 8 bytes of little-endian length, then a JSON object of name to dtype, shape and
/// data_offsets. Everything in it is checked before a byte of data is touched.
/// </summary>
internal static class SafetensorsHeader
{
    /// <summary>Longest header that is read, in bytes; the reference implementation has the same limit.</summary>
    public const long MaximumLength = 100_000_000;

    /// <summary>Most dimensions of a tensor that libtorch computes with.</summary>
    private const int MaximumDimensions = 64;

    internal const string MetadataKey = "__metadata__";

    private static readonly Dictionary<string, ScalarType> Types = new(StringComparer.Ordinal)
    {
        ["F64"] = ScalarType.Float64,
        ["F32"] = ScalarType.Float32,
        ["F16"] = ScalarType.Float16,
        ["BF16"] = ScalarType.BFloat16,
        ["I64"] = ScalarType.Int64,
        ["I32"] = ScalarType.Int32,
        ["I16"] = ScalarType.Int16,
        ["I8"] = ScalarType.Int8,
        ["U8"] = ScalarType.Byte,
        ["BOOL"] = ScalarType.Bool,
    };

    private static readonly Dictionary<string, Float8> Float8Types = new(StringComparer.Ordinal)
    {
        ["F8_E4M3"] = Float8.E4M3,
        ["F8_E5M2"] = Float8.E5M2,
    };

    /// <summary>The name of an 8-bit floating-point type in the file.</summary>
    public static string NameOf(Float8 type) => Float8Types.First(pair => pair.Value == type).Key;

    /// <summary>The name of a type in the file.</summary>
    public static string NameOf(ScalarType type) =>
        Types.FirstOrDefault(pair => pair.Value == type).Key ?? throw new ArgumentException($"safetensors cannot hold tensors of type {type}.", nameof(type));

    /// <summary>Bytes of one element.</summary>
    public static int SizeOf(ScalarType type) => type switch
    {
        ScalarType.Float64 or ScalarType.Int64 => 8,
        ScalarType.Float32 or ScalarType.Int32 => 4,
        ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Int16 => 2,
        _ => 1,
    };

    /// <summary>Reads and checks the header; leaves <paramref name="stream"/> at the first byte of data.</summary>
    /// <exception cref="InvalidDataException">Says what is wrong.</exception>
    public static (Dictionary<string, SafetensorsEntry> Entries, Dictionary<string, string> Metadata, long DataStart) Read(Stream stream, string path)
    {
        Span<byte> prefix = stackalloc byte[8];
        if (stream.ReadAtLeast(prefix, 8, throwOnEndOfStream: false) < 8)
        {
            throw Invalid(path, $"it has {stream.Length} bytes, a safetensors file has at least 8");
        }

        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > MaximumLength || (long)length > stream.Length - 8)
        {
            throw Invalid(path, $"its header claims {length} bytes, the file has {stream.Length - 8} after the length and {MaximumLength} is the limit");
        }

        var bytes = new byte[length];
        stream.ReadExactly(bytes);
        long dataLength = stream.Length - 8 - (long)length;
        try
        {
            (Dictionary<string, SafetensorsEntry> entries, Dictionary<string, string> metadata) = Parse(bytes, path);
            CheckRanges(entries.Values, dataLength, path);
            return (entries, metadata, 8 + (long)length);
        }
        catch (JsonException error)
        {
            throw Invalid(path, $"its header is not JSON ({error.Message})");
        }
        catch (InvalidOperationException)
        {
            // What the JSON reader throws for text that is not valid UTF-8 or UTF-16.
            throw Invalid(path, "its header holds text that is not valid Unicode");
        }
    }

    /// <summary>The header of a new file, with length prefix, padded so that data starts at a multiple of 8 bytes.</summary>
    public static byte[] Write(IEnumerable<SafetensorsEntry> entries, IReadOnlyDictionary<string, string>? metadata)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject(MetadataKey);
                foreach ((string key, string value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
                {
                    json.WriteString(key, value);
                }

                json.WriteEndObject();
            }

            foreach (SafetensorsEntry entry in entries)
            {
                json.WriteStartObject(entry.Name);
                json.WriteString("dtype", NameOf(entry.Type));
                json.WriteStartArray("shape");
                foreach (long side in entry.Shape)
                {
                    json.WriteNumberValue(side);
                }

                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(entry.Start);
                json.WriteNumberValue(entry.End);
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        int length = (int)(buffer.Length + 7) / 8 * 8;
        var header = new byte[8 + length];
        header.AsSpan().Fill((byte)' ');
        BinaryPrimitives.WriteUInt64LittleEndian(header, (ulong)length);
        buffer.ToArray().CopyTo(header, 8);
        return header;
    }

    private static (Dictionary<string, SafetensorsEntry> Entries, Dictionary<string, string> Metadata) Parse(byte[] bytes, string path)
    {
        var entries = new Dictionary<string, SafetensorsEntry>(StringComparer.Ordinal);
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        bool sawMetadata = false;
        using JsonDocument document = JsonDocument.Parse(bytes, new JsonDocumentOptions { MaxDepth = 8 });
        if (document.RootElement.ValueKind != JsonValueKind.Object)
        {
            throw Invalid(path, "its header is not a JSON object");
        }

        foreach (JsonProperty property in document.RootElement.EnumerateObject())
        {
            if (property.Name != MetadataKey)
            {
                if (!entries.TryAdd(property.Name, Entry(property.Name, property.Value, path)))
                {
                    throw Invalid(path, $"tensor '{property.Name}' occurs twice");
                }
            }
            else if (sawMetadata)
            {
                throw Invalid(path, $"'{MetadataKey}' occurs twice");
            }
            else
            {
                sawMetadata = true;
                ReadMetadata(property.Value, metadata, path);
            }
        }

        return (entries, metadata);
    }

    private static void ReadMetadata(JsonElement value, Dictionary<string, string> metadata, string path)
    {
        if (value.ValueKind != JsonValueKind.Object)
        {
            throw Invalid(path, $"'{MetadataKey}' is not a JSON object");
        }

        foreach (JsonProperty item in value.EnumerateObject())
        {
            metadata[item.Name] = item.Value.ValueKind == JsonValueKind.String
                ? item.Value.GetString()!
                : throw Invalid(path, $"'{MetadataKey}' holds '{item.Name}', which is not a string");
        }
    }

    private static SafetensorsEntry Entry(string name, JsonElement value, string path)
    {
        if (value.ValueKind != JsonValueKind.Object
            || !value.TryGetProperty("dtype", out JsonElement dtype) || dtype.ValueKind != JsonValueKind.String
            || !value.TryGetProperty("shape", out JsonElement shape) || shape.ValueKind != JsonValueKind.Array
            || !value.TryGetProperty("data_offsets", out JsonElement offsets) || offsets.ValueKind != JsonValueKind.Array || offsets.GetArrayLength() != 2)
        {
            throw Invalid(path, $"tensor '{name}' lacks a dtype string, a shape array or a data_offsets pair");
        }

        string said = dtype.GetString()!;
        Float8? float8 = Float8Types.TryGetValue(said, out Float8 kind) ? kind : null;
        ScalarType type = ScalarType.Float16;
        if (float8 is null && !Types.TryGetValue(said, out type))
        {
            throw Invalid(path, $"tensor '{name}' has the unknown dtype '{said}'; known are {string.Join(", ", Types.Keys.Concat(Float8Types.Keys))}");
        }

        long[] sides = [.. shape.EnumerateArray().Select(side => Whole(side, name, path))];
        long start = Whole(offsets[0], name, path), end = Whole(offsets[1], name, path);
        if (sides.Length > MaximumDimensions)
        {
            throw Invalid(path, $"tensor '{name}' has {sides.Length} dimensions, {MaximumDimensions} is the limit");
        }

        // A side of 0 counts as 1 against the limit: the strides of an empty tensor must not overflow either.
        UInt128 expected = float8 is null ? (UInt128)SizeOf(type) : 1;
        foreach (long side in sides)
        {
            expected *= (UInt128)Math.Max(side, 1);
            if (expected > long.MaxValue)
            {
                throw Invalid(path, $"tensor '{name}' has a shape of more than 2^63 bytes");
            }
        }

        expected = sides.Contains(0) ? 0 : expected;

        return end >= start && (UInt128)(end - start) == expected
            ? new SafetensorsEntry(name, type, sides, start, end, float8)
            : throw Invalid(path, $"tensor '{name}' of shape [{string.Join(", ", sides)}] and dtype {said} needs {expected} bytes, its range is {start}..{end}");
    }

    private static long Whole(JsonElement value, string name, string path) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out long number) && number >= 0
            ? number
            : throw Invalid(path, $"tensor '{name}' holds a number that is not a whole number from 0 to 2^63 - 1");

    /// <summary>The ranges must cover the data exactly: nothing outside, nothing shared, nothing left over.</summary>
    private static void CheckRanges(IEnumerable<SafetensorsEntry> entries, long dataLength, string path)
    {
        long position = 0;
        foreach (SafetensorsEntry entry in entries.OrderBy(entry => entry.Start).ThenBy(entry => entry.End))
        {
            if (entry.End > dataLength)
            {
                throw Invalid(path, $"tensor '{entry.Name}' ends at byte {entry.End}, the data has {dataLength}: the file is truncated");
            }

            if (entry.Start != position)
            {
                throw Invalid(path, entry.Start < position
                    ? $"tensor '{entry.Name}' starts at byte {entry.Start}, inside the one before it, which ends at {position}"
                    : $"bytes {position}..{entry.Start} before tensor '{entry.Name}' belong to no tensor");
            }

            position = entry.End;
        }

        if (position != dataLength)
        {
            throw Invalid(path, $"{dataLength - position} bytes after the last tensor belong to no tensor");
        }
    }

    private static InvalidDataException Invalid(string path, string reason) => new($"'{path}' is not a valid safetensors file: {reason}.");
}
