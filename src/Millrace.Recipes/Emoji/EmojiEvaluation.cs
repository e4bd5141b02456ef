using Millrace.Checkpoints;
using Millrace.Evaluation;
using Millrace.Guidance;
using Millrace.Imaging;
using Millrace.Streaming;
using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Recipes.Emoji;

/// <summary>
/// Measures an emoji model with the stream's own sampler: whether the judge names the subgroup that the prompt asked for, and
/// whether pictures made from strokes keep their layout.
/// </summary>
internal static class EmojiEvaluation
{
    private const int Shown = 16;
    private static readonly int[] FromNoise = [0, 16, 32, 45];
    private static readonly int[] FromStrokes = [16, 32];
    private static readonly Augmentation Anywhere = new(Untouched: 0, MinimumScale: 0.6);

    /// <summary>Evaluates a model.</summary>
    /// <param name="set">The pictures; one in <paramref name="stride"/> is asked for.</param>
    /// <param name="model">The model.</param>
    /// <param name="judge">The judge.</param>
    /// <param name="stride">At least 1.</param>
    /// <param name="sheet">Where a contact sheet goes; null for none.</param>
    /// <returns>One line a figure.</returns>
    public static IReadOnlyList<string> Run(EmojiSet set, DiffusionModel model, PictureJudge judge, int stride, string? sheet)
    {
        using var scope = NewDisposeScope();
        using var random = new SeededRandom(6, CPU);
        int[] rows = [.. Enumerable.Range(0, set.Pictures.Count).Where(row => row % stride == 0)];
        string[] prompts = [.. rows.Select(row => set.Pictures[row].Prompt)], subgroups = [.. rows.Select(row => set.Pictures[row].Subgroup)];
        Tensor pixels = set.Pixels.index_select(0, tensor(rows.Select(row => (long)row).ToArray()));
        Tensor real = pixels.to(float32).Times(1.0 / 127.5).Plus(-1);
        Tensor strokes = StrokePictures.Of(Anywhere.Apply(pixels, random), random);

        Tensor four = Generate(model, StreamMode.TextToImage, FromNoise, prompts, null);
        Tensor two = Generate(model, StreamMode.TextToImage, [0, 24], prompts, null);
        Tensor one = Generate(model, StreamMode.TextToImage, [0], prompts, null);
        Tensor drawn = Generate(model, StreamMode.ImageToImage, FromStrokes, prompts, strokes);
        if (sheet is not null)
        {
            Save(sheet, rows.Length, [.. prompts], four, strokes, drawn);
        }

        return
        [
            $"real pictures: {judge.Agreement(real, subgroups)}",
            $"from noise, 4 steps [0, 16, 32, 45]: {judge.Agreement(four, subgroups)}",
            $"from noise, 2 steps [0, 24]: {judge.Agreement(two, subgroups)}",
            $"from noise, 1 step [0]: {judge.Agreement(one, subgroups)}",
            $"from strokes, 2 steps [16, 32]: {judge.Agreement(drawn, subgroups)}",
            $"the strokes themselves: {judge.Agreement(strokes, subgroups)}",
            $"layout: correlation with the strokes {LayoutCorrelation.Mean(strokes, drawn):F3}, with the strokes of the next picture {LayoutCorrelation.Mean(strokes.roll(1, 0), drawn):F3}",
        ];
    }

    private static Tensor Generate(DiffusionModel model, StreamMode mode, int[] steps, string[] prompts, Tensor? images)
    {
        var options = new StreamOptions { Mode = mode, Steps = steps, Guidance = GuidanceType.None, Width = model.DefaultSize, Height = model.DefaultSize };
        using var pipeline = new StreamPipeline(model.Denoiser, model.Autoencoder, model.TextEncoder, model.Process, options);
        var left = new List<Tensor>();
        for (int index = 0; index < prompts.Length; index++)
        {
            pipeline.SetPrompt(prompts[index]);
            using Tensor? image = images?.narrow(0, index, 1);
            left.AddRange(pipeline.Process(image, index).Select(result => result.Image));
        }

        left.AddRange(pipeline.Flush().Select(result => result.Image));
        return cat([.. left], 0);
    }

    // Prompts spread over the set: what noise became, and below it strokes and what they became.
    private static void Save(string path, int count, string[] prompts, Tensor fromNoise, Tensor strokes, Tensor fromStrokes)
    {
        int[] shown = [.. Enumerable.Range(0, Shown).Select(index => index * count / Shown)];
        Frame Picture(Tensor images, int index) => PixelConversion.ToFrame(images[index], index, TimeSpan.Zero);
        Frame[] frames = [.. new[] { fromNoise, strokes, fromStrokes }.SelectMany(images => shown.Select(index => Picture(images, index)))];
        string[] captions = [.. shown.Select(index => prompts[index]), .. shown.Select(_ => "strokes"), .. shown.Select(index => prompts[index])];
        Frame page = ContactSheet.Draw(frames, captions, columns: Shown / 2);
        PictureGrid.Save(PixelConversion.ToTensor(page), 1, path);
    }
}
