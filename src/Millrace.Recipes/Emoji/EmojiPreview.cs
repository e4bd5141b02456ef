using Millrace.Checkpoints;
using Millrace.Models;
using Millrace.Models.TextEncoders;
using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Recipes.Emoji;

/// <summary>Shows what a denoiser can do: pictures from noise in 1, 2 and 4 steps, and from strokes, beside the real ones.</summary>
internal sealed class EmojiPreview(EmojiSet set, StableDiffusionParts parts, Device device)
{
    private const int Shown = 20;

    /// <summary>Writes a contact sheet: real, 1 step, 2 steps, 4 steps, 20 steps, strokes, picture from strokes (2 steps).</summary>
    public void Save(string folder, long step)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        using var random = new SeededRandom(4, device);
        IAutoencoder autoencoder = parts.Autoencoder;
        int[] rows = [.. Enumerable.Range(0, Shown).Select(index => index * set.Pictures.Count / Shown + 17)];
        Tensor real = set.Pixels.index_select(0, tensor(rows.Select(row => (long)row).ToArray())).to(float32).Times(1.0 / 127.5).Plus(-1);
        real = real.to(device);
        var encoder = new ClipTextEncoder(parts.TextModel, parts.Tokenizer);
        Conditioning text = encoder.Encode([.. rows.Select(row => set.Pictures[row].Prompt)]);
        var sampler = new FewStepSampler(new Denoiser(parts.UNet, parts.Prediction), parts.Process);
        long side = EmojiShapes.Side / autoencoder.SpatialFactor;
        Tensor[] noise = [.. Enumerable.Range(0, 20).Select(_ => random.Normal(Shown, autoencoder.LatentChannels, side, side))];
        Tensor FromNoise(params int[] indices) => autoencoder.Decode(sampler.Sample(null, Timesteps(indices), text, noise));
        Tensor strokes = StrokePictures.Of(real, random);
        Tensor FromStrokes(params int[] indices) => autoencoder.Decode(sampler.Sample(autoencoder.Encode(strokes), Timesteps(indices), text, noise));
        Tensor sheet = cat(
            [real, FromNoise(0), FromNoise(0, 24), FromNoise(0, 16, 32, 45), FromNoise([.. Enumerable.Range(0, 17).Select(index => index * 3)]),
            strokes, FromStrokes(16, 32), FromStrokes(8, 24, 40)], 0);
        PictureGrid.Save(sheet.cpu(), Shown, Path.Combine(folder, $"preview-{step:D6}.png"));
    }

    private static int[] Timesteps(int[] indices) => [.. indices.Select(index => 999 - (20 * index))];
}
