using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Millrace.Files;
using Millrace.Training.Data;
using static TorchSharp.torch;

namespace Millrace.Training.Pictures;

/// <summary>What a run was begun with: kept beside its checkpoints, so that it goes on as it began.</summary>
/// <param name="Data">Path of the pictures.</param>
/// <param name="Pictures">Their number.</param>
/// <param name="Fingerprint">SHA-256 of pixels, names and captions.</param>
/// <param name="Options">How it is trained.</param>
internal sealed record PictureRun(string Data, int Pictures, string Fingerprint, PictureTrainingOptions Options)
{
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) } };

    /// <summary>Describes a run.</summary>
    public static PictureRun Of(string data, PictureSet set, PictureTrainingOptions options)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (long row = 0; row < set.Pixels.shape[0]; row++)
        {
            using Tensor picture = set.Pixels.select(0, row);
            hash.AppendData(picture.bytes);
        }

        hash.AppendData(Encoding.UTF8.GetBytes(string.Join('\0', set.Names.Concat(set.Captions))));
        return new PictureRun(Path.GetFullPath(data), set.Names.Count, Convert.ToHexString(hash.GetHashAndReset()), options);
    }

    /// <summary>Reads what a run was begun with.</summary>
    /// <exception cref="InvalidDataException">Where the file is broken.</exception>
    public static PictureRun Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<PictureRun>(File.ReadAllText(path), Json) ?? throw new JsonException("it is null");
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"{path}: the file must hold the settings of a run: {error.Message}", error);
        }
    }

    /// <summary>Writes it.</summary>
    public void Write(string path) => AtomicFile.Write(path, stream => JsonSerializer.Serialize(stream, this, Json));
}
