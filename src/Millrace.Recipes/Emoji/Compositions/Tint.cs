using SkiaSharp;

namespace Millrace.Recipes.Emoji.Compositions;

/// <summary>Gives the ruling colour of a picture another hue: the red of an apple turns blue, its leaf stays green.</summary>
internal static class Tint
{
    private const float LeastColourfulShare = 0.2f; // of the ink; a picture below it is grey, and its grey takes the colour
    private const float NearHue = 35, FarHue = 60; // degrees from the ruling hue
    private const float PaintSaturation = 65; // of grey ink that takes a colour, per cent

    /// <summary>A picture [4, pixels] (red, green, blue on white, transparency) in another colour.</summary>
    public static byte[] Apply(byte[] picture, PaletteColour colour)
    {
        int pixels = picture.Length / 4;
        (float Hue, float Saturation, float Value)[] inks = [.. Enumerable.Range(0, pixels).Select(pixel => Ink(picture, pixel, pixels))];
        (float ruling, bool grey) = Ruling(picture, inks);
        var tinted = (byte[])picture.Clone();
        for (int pixel = 0; pixel < pixels; pixel++)
        {
            (float hue, float saturation, float value) = inks[pixel];
            float share = grey ? Ramp(value, 15, 35) : Ramp(saturation, 12, 30) * (1 - Ramp(Apart(hue, ruling), NearHue, FarHue));
            if (share == 0)
            {
                continue;
            }

            float full = grey ? PaintSaturation : Math.Max(saturation, 55);
            var ink = SKColor.FromHsv(colour.Hue, Math.Min(100, full * colour.Saturation), Math.Min(100, value * colour.Value));
            float clear = picture[(3 * pixels) + pixel] / 255f;
            Blend(tinted, pixel, share, (ink.Red * (1 - clear)) + (255 * clear));
            Blend(tinted, pixels + pixel, share, (ink.Green * (1 - clear)) + (255 * clear));
            Blend(tinted, (2 * pixels) + pixel, share, (ink.Blue * (1 - clear)) + (255 * clear));
        }

        return tinted;
    }

    private static void Blend(byte[] picture, int index, float share, float value) =>
        picture[index] = (byte)Math.Clamp(MathF.Round((picture[index] * (1 - share)) + (value * share)), 0, 255);

    // Hue in degrees, saturation and value in per cent, of the ink without its white ground.
    private static (float Hue, float Saturation, float Value) Ink(byte[] picture, int pixel, int pixels)
    {
        float clear = picture[(3 * pixels) + pixel] / 255f;
        if (clear > 0.98f)
        {
            return (0, 0, 0);
        }

        byte Channel(int channel) => (byte)Math.Clamp((picture[(channel * pixels) + pixel] - (255 * clear)) / (1 - clear), 0, 255);
        new SKColor(Channel(0), Channel(1), Channel(2)).ToHsv(out float hue, out float saturation, out float value);
        return (hue, saturation, value);
    }

    // The hue around which most colourful ink lies, and whether there is too little of it to speak of.
    private static (float Hue, bool Grey) Ruling(byte[] picture, (float Hue, float Saturation, float Value)[] inks)
    {
        const int Bins = 36;
        var weights = new float[Bins];
        float ink = 0;
        for (int pixel = 0; pixel < inks.Length; pixel++)
        {
            float opaque = 1 - (picture[(3 * inks.Length) + pixel] / 255f);
            ink += opaque;
            weights[(int)(inks[pixel].Hue / 10) % Bins] += opaque * Ramp(inks[pixel].Saturation, 12, 40) * Ramp(inks[pixel].Value, 15, 40);
        }

        float Around(int bin) => Enumerable.Range(-2, 5).Sum(offset => weights[(bin + offset + Bins) % Bins]);
        int best = Enumerable.Range(0, Bins).MaxBy(Around);
        return ((best * 10) + 5, Around(best) < LeastColourfulShare * ink);
    }

    private static float Apart(float first, float second) => Math.Min(Math.Abs(first - second), 360 - Math.Abs(first - second));

    private static float Ramp(float value, float low, float high) => Math.Clamp((value - low) / (high - low), 0, 1);
}
