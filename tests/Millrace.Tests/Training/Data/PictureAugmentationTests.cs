using Millrace.Tests.Support;
using Millrace.Training;
using Millrace.Training.Data;
using static TorchSharp.torch;

namespace Millrace.Tests.Training.Data;

public sealed class PictureAugmentationTests
{
    [Fact]
    public void Nothing_asked_changes_nothing() => Check(new PictureAugmentation(), (images, changed) => Assert.True(changed.equal(images).all().item<bool>()));

    [Fact]
    public void A_mirrored_picture_is_itself_or_its_mirror() => Check(new PictureAugmentation { Flip = true }, (images, changed) =>
    {
        bool[] same = [.. Enumerable.Range(0, 16).Select(row => changed[row].equal(images[row]).all().item<bool>())];
        bool[] mirrored = [.. Enumerable.Range(0, 16).Select(row => changed[row].equal(images[row].flip(2)).all().item<bool>())];
        Assert.All(same.Zip(mirrored), pair => Assert.True(pair.First ^ pair.Second));
        Assert.Contains(true, same);
        Assert.Contains(true, mirrored);
    });

    [Fact]
    public void A_shift_is_of_whole_pixels() => Check(new PictureAugmentation { Shift = 0.25 }, (images, changed) =>
    {
        // The middle of the shifted picture stands somewhere in the picture as it was.
        for (int row = 0; row < 4; row++)
        {
            Tensor middle = changed[row].narrow(1, 2, 4).narrow(2, 2, 4);
            double nearest = (from y in Enumerable.Range(0, 5) from x in Enumerable.Range(0, 5) select (double)middle.Minus(images[row].narrow(1, y, 4).narrow(2, x, 4)).abs().max().item<float>()).Min();
            Assert.True(nearest < 1e-4, $"row {row} differs by {nearest}");
        }
    });

    [Fact]
    public void Colours_stay_in_range_and_the_seed_decides() => Check(new PictureAugmentation { Flip = true, Crop = 0.3, Shift = 0.2, ColourJitter = 0.5 }, (images, changed) =>
    {
        Assert.InRange(changed.abs().max().item<float>(), 0.1f, 1f);
        using var again = new SeededRandom(3, CPU);
        var all = new PictureAugmentation { Flip = true, Crop = 0.3, Shift = 0.2, ColourJitter = 0.5 };
        Assert.True(changed.equal(all.Apply(images, again)).all().item<bool>());
        Assert.False(changed.equal(images).all().item<bool>());
        Living.StaysConstant(() => all.Apply(images, again).Dispose());
    });

    private static void Check(PictureAugmentation augmentation, Action<Tensor, Tensor> check)
    {
        using var scope = NewDisposeScope();
        using var initial = new Generator(1);
        using var random = new SeededRandom(3, CPU);
        Tensor images = rand([16, 3, 8, 8], generator: initial).Times(2).Plus(-1);
        check(images, augmentation.Apply(images, random));
    }
}
