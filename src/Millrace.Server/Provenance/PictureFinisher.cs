using System.Text.Json;
using Millrace.Imaging;
using Millrace.Server.Images;

namespace Millrace.Server.Provenance;

/// <summary>The last steps of a picture: the visible mark, the encoding, the metadata.</summary>
internal sealed class PictureFinisher(MillraceServerOptions options, string model, ImageRequest request, TimeProvider time)
{
    /// <summary>The bytes of a picture.</summary>
    /// <param name="picture">As drawn.</param>
    /// <param name="number">Its number in the request, from 0.</param>
    public byte[] Encode(Frame picture, int number)
    {
        byte[] encoded = request.Format.Encode(options.VisibleMark ? VisibleMark.Apply(picture) : picture, request.Compression);
        return options.Provenance ? MetadataEmbedding.Embed(encoded, request.Format, XmpPacket.Of(Settings(number), time.GetUtcNow())) : encoded;
    }

    private string Settings(int number) => JsonSerializer.Serialize(new
    {
        model,
        prompt = request.Prompt,
        negativePrompt = request.NegativePrompt,
        seed = request.Seed + number,
        steps = request.Steps,
        quality = request.Quality,
        guidanceScale = request.GuidanceScale,
        strength = request.Strength,
    });
}
