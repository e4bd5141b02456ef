namespace Millrace.Recipes.Emoji.Compositions;

/// <summary>
/// Eyes and mouth of the round yellow faces, without the face, to be put on other things. What all faces share, the bare disc, is their
/// median pixel by pixel; what one has beyond it are its features.
/// </summary>
internal sealed class FaceFeatures
{
    private const float Least = 20, Full = 60; // difference from the disc, of 255, from which a pixel belongs to a feature, and wholly
    private const float Width = 0.72f; // of a face over the square root of the ink of what it is put on
    private const float LeastCover = 0.97f; // of the face's disc that must lie on ink

    private static readonly HashSet<string> Discs = new(StringComparer.Ordinal)
    {
        "face-smiling", "face-affection", "face-tongue", "face-neutral-skeptical", "face-sleepy", "face-concerned",
    };

    private readonly int _side;
    private readonly byte[] _disc;

    private FaceFeatures(byte[] disc, int side) => (_disc, _side) = (disc, side);

    /// <summary>Word of a prompt to the name of the face that shows it.</summary>
    public static IReadOnlyList<(string Word, string Face)> Expressions { get; } =
    [
        ("smiling", "smiling face with smiling eyes"), ("grinning", "grinning face"), ("laughing", "face with tears of joy"), ("winking", "winking face"),
        ("crying", "crying face"), ("sad", "frowning face"), ("surprised", "astonished face"), ("sleeping", "sleeping face"),
        ("cool", "smiling face with sunglasses"), ("loving", "smiling face with heart-eyes"), ("kissing", "kissing face"), ("cheeky", "face with tongue"),
    ];

    /// <summary>Learns the disc.</summary>
    /// <param name="pictures">What is known of each picture.</param>
    /// <param name="pixels">Each picture, [4, side x side]: red, green, blue on white, transparency.</param>
    /// <param name="side">Side in pixels.</param>
    public static FaceFeatures Learn(IReadOnlyList<EmojiPicture> pictures, IReadOnlyList<byte[]> pixels, int side)
    {
        byte[][] faces = [.. pictures.Zip(pixels).Where(pair => Discs.Contains(pair.First.Subgroup)).Select(pair => pair.Second)];
        if (faces.Length == 0)
        {
            throw new InvalidDataException("The set holds no round faces, which the features are learned from.");
        }

        var disc = new byte[4 * side * side];
        var values = new byte[faces.Length];
        for (int index = 0; index < disc.Length; index++)
        {
            for (int face = 0; face < faces.Length; face++)
            {
                values[face] = faces[face][index];
            }

            Array.Sort(values);
            disc[index] = values[values.Length / 2];
        }

        return new FaceFeatures(disc, side);
    }

    /// <summary>A picture with the features of a face on it; null where it has no room for them.</summary>
    /// <param name="thing">[4, side x side].</param>
    /// <param name="face">[4, side x side].</param>
    public byte[]? PutOn(byte[] thing, byte[] face)
    {
        int pixels = _side * _side;
        (float x, float y, float radius) = Room(thing);
        var result = (byte[])thing.Clone();
        int covered = 0, all = 0;
        for (int row = 0; row < _side; row++)
        {
            for (int column = 0; column < _side; column++)
            {
                float fromX = (column - x) / radius, fromY = (row - y) / radius;
                if ((fromX * fromX) + (fromY * fromY) > 1)
                {
                    continue;
                }

                int pixel = (row * _side) + column;
                all++;
                covered += thing[(3 * pixels) + pixel] < 128 ? 1 : 0;
                (float faceX, float faceY) = ((fromX + 1) * 0.5f * (_side - 1), (fromY + 1) * 0.5f * (_side - 1));
                float difference = Enumerable.Range(0, 3).Max(channel => Math.Abs(At(face, channel, faceX, faceY) - At(_disc, channel, faceX, faceY)));
                float share = Math.Clamp((difference - Least) / (Full - Least), 0, 1) * (1 - (At(_disc, 3, faceX, faceY) / 255));
                for (int channel = 0; channel < 3; channel++)
                {
                    int index = (channel * pixels) + pixel;
                    result[index] = (byte)MathF.Round((result[index] * (1 - share)) + (At(face, channel, faceX, faceY) * share));
                }
            }
        }

        return all > 0 && covered >= LeastCover * all ? result : null;
    }

    // The centre of the ink and the radius of a face there.
    private (float X, float Y, float Radius) Room(byte[] thing)
    {
        int pixels = _side * _side;
        double ink = 0, x = 0, y = 0;
        for (int pixel = 0; pixel < pixels; pixel++)
        {
            double opaque = 255 - thing[(3 * pixels) + pixel];
            (ink, x, y) = (ink + opaque, x + (opaque * (pixel % _side)), y + (opaque * (pixel / _side)));
        }

        return ink == 0 ? (0, 0, 1) : ((float)(x / ink), (float)(y / ink), Math.Max(1, (float)Math.Sqrt(ink / 255) * Width / 2));
    }

    // Between four pixels.
    private float At(byte[] picture, int channel, float x, float y)
    {
        int left = Math.Min((int)x, _side - 2), top = Math.Min((int)y, _side - 2);
        float right = x - left, down = y - top;
        float Pixel(int row, int column) => picture[(((channel * _side) + row) * _side) + column];
        return (((Pixel(top, left) * (1 - right)) + (Pixel(top, left + 1) * right)) * (1 - down))
            + (((Pixel(top + 1, left) * (1 - right)) + (Pixel(top + 1, left + 1) * right)) * down);
    }
}
