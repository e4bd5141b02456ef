using Millrace.Checkpoints;
using Millrace.Evaluation;
using Millrace.Guidance;
using Millrace.Imaging;
using Millrace.Streaming;
using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Recipes.Emoji;

/// <summary>
/// Measures an emoji model with the stream's own sampler: whether the judge names the subgroup that the prompt asked for, whether the
/// model draws combinations that it has not met, and whether pictures made from strokes keep their layout. Its teacher, where it is at
/// hand, is measured by the same questions in many guided steps.
/// </summary>
internal static class EmojiEvaluation
{
    private const int Shown = 12; // of each kind
    private const int Combinations = 200;
    private static readonly int[] FromStrokes = [16, 32];
    private static readonly Augmentation Anywhere = new(Untouched: 0, MinimumScale: 0.6);
    private static readonly (string Name, int[] Steps)[] FromNoise = [("4 steps [0, 16, 32, 45]", [0, 16, 32, 45]), ("2 steps [0, 24]", [0, 24]), ("1 step [0]", [0])];

    /// <summary>Evaluates a model.</summary>
    /// <param name="set">The pictures; one in <paramref name="stride"/> is asked for.</param>
    /// <param name="model">The model.</param>
    /// <param name="teacher">What it was distilled from; null leaves it out.</param>
    /// <param name="judge">The judge.</param>
    /// <param name="stride">At least 1.</param>
    /// <param name="sheet">Where a contact sheet goes; null for none.</param>
    /// <returns>One line a figure.</returns>
    public static IEnumerable<string> Run(EmojiSet set, DiffusionModel model, DiffusionModel? teacher, PictureJudge judge, int stride, string? sheet)
    {
        using var scope = NewDisposeScope();
        using var random = new SeededRandom(6, CPU);
        int[] rows = [.. Enumerable.Range(0, set.Pictures.Count).Where(row => row % stride == 0)];
        string[] prompts = [.. rows.Select(row => set.Pictures[row].Prompt)], subgroups = [.. rows.Select(row => set.Pictures[row].Subgroup)];
        Tensor pixels = set.Pixels.index_select(0, tensor(rows.Select(row => (long)row).ToArray()));
        Tensor real = pixels.to(float32).Times(1.0 / 127.5).Plus(-1);
        using var questions = new CompositionQuestions(set, Combinations);
        string[] asked = [.. prompts, .. questions.Prompts];
        var lines = new List<(string Name, Tensor Names, Tensor Combinations)>();

        IEnumerable<string> Measure(string name, Tensor drawn)
        {
            (Tensor names, Tensor combinations) = (drawn.narrow(0, 0, prompts.Length), drawn.narrow(0, prompts.Length, asked.Length - prompts.Length));
            lines.Add((name, names, combinations));
            yield return $"{name}: names {judge.Agreement(names, subgroups)}";
            yield return $"{name}: combinations, the word {questions.Word(combinations)}, the thing {questions.Thing(combinations, judge)}";
        }

        IEnumerable<string> figures = Measure("the pictures themselves", cat([real, questions.Reference], 0));
        if (teacher is not null)
        {
            figures = figures.Concat(Measure($"teacher, {TeacherSampling.Description}", TeacherSampling.Draw(teacher, asked, seed: 7)));
        }

        figures = FromNoise.Aggregate(figures, (all, way) => all.Concat(Measure(way.Name, Generate(model, StreamMode.TextToImage, way.Steps, asked, null))));
        foreach (string figure in figures)
        {
            yield return figure;
        }

        Tensor strokes = StrokePictures.Of(Anywhere.Apply(pixels, random), random);
        Tensor fromStrokes = Generate(model, StreamMode.ImageToImage, FromStrokes, prompts, strokes);
        yield return $"from strokes, 2 steps [16, 32]: {judge.Agreement(fromStrokes, subgroups)}";
        yield return $"the strokes themselves: {judge.Agreement(strokes, subgroups)}";
        yield return $"layout: correlation with the strokes {LayoutCorrelation.Mean(strokes, fromStrokes):F3}, with the strokes of the next picture {LayoutCorrelation.Mean(strokes.roll(1, 0), fromStrokes):F3}";
        if (sheet is not null)
        {
            Save(sheet, prompts, asked[prompts.Length..], lines, strokes, fromStrokes);
        }
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

    // Prompts spread over all: a row for each way of drawing names, then of combinations, then strokes and what they became.
    private static void Save(
        string path, string[] prompts, string[] combinations, List<(string Name, Tensor Names, Tensor Combinations)> ways, Tensor strokes, Tensor fromStrokes)
    {
        int[] Spread(int count) => [.. Enumerable.Range(0, Shown).Select(index => index * count / Shown)];
        int[] names = Spread(prompts.Length), asked = Spread(combinations.Length);
        var pictures = new List<(Frame Picture, string Caption)>();
        void Row(Tensor images, int[] shown, Func<int, string> caption) =>
            pictures.AddRange(shown.Select(index => (PixelConversion.ToFrame(images[index], index, TimeSpan.Zero), caption(index))));
        foreach ((string name, Tensor drawn, _) in ways)
        {
            Row(drawn, names, index => ReferenceEquals(drawn, ways[0].Names) ? prompts[index] : name);
        }

        foreach ((string name, _, Tensor drawn) in ways)
        {
            Row(drawn, asked, index => ReferenceEquals(drawn, ways[0].Combinations) ? combinations[index] : name);
        }

        Row(strokes, names, _ => "strokes");
        Row(fromStrokes, names, index => prompts[index]);
        Frame page = ContactSheet.Draw([.. pictures.Select(pair => pair.Picture)], [.. pictures.Select(pair => pair.Caption)], columns: Shown);
        PictureGrid.Save(PixelConversion.ToTensor(page), 1, path);
    }
}
