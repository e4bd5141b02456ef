using Millrace.Imaging;
using Millrace.Recipes.Emoji.Compositions;
using static TorchSharp.torch;

namespace Millrace.Recipes.Emoji;

/// <summary>Draws some of the compositions with their prompts.</summary>
internal static class CompositionSheet
{
    /// <summary>Writes a PNG of compositions spread over all of them.</summary>
    /// <param name="set">The pictures.</param>
    /// <param name="count">How many are shown.</param>
    /// <param name="path">Where it goes.</param>
    /// <returns>One line.</returns>
    public static string Save(EmojiSet set, int count, string path)
    {
        using var scope = NewDisposeScope();
        IReadOnlyList<Composition> all = CompositionBook.Of(set);
        Composition[] shown = [.. Enumerable.Range(0, count).Select(index => all[(int)((long)index * all.Count / count)])];
        int side = EmojiShapes.Side, pixels = side * side;
        Frame[] frames = [.. shown.Select((composition, index) => PixelConversion.ToFrame(
            tensor(composition.Pixels[..(3 * pixels)], [3, side, side], dtype: uint8).to(float32).Times(1.0 / 127.5).Plus(-1), index, TimeSpan.Zero))];
        PictureGrid.Save(PixelConversion.ToTensor(ContactSheet.Draw(frames, [.. shown.Select(composition => composition.Prompt)], columns: 12)), 1, path);
        return $"{all.Count} compositions, {all.Count(composition => composition.IsHeldOut)} of them held out";
    }
}
