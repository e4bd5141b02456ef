using Millrace.Checkpoints;
using Millrace.Imaging;
using Millrace.Imaging.Sinks;
using Millrace.Pipelines;
using Millrace.Training.Data;
using Millrace.Training.Pictures;

namespace Millrace.Cli;

/// <summary>Pictures that a model in training draws by now, as <c>millrace generate</c> draws them.</summary>
/// <param name="training">The run.</param>
/// <param name="model">Folder of the model.</param>
internal sealed class TrainPreview(PictureTraining training, string model)
{
    private const int Most = 8, Steps = 20;

    /// <summary>Loads the model from its folder and writes a page of pictures.</summary>
    /// <returns>The file.</returns>
    public string Write(long step)
    {
        using DiffusionModel loaded = DiffusersFolder.Load(model);
        string[] prompts = Prompts();
        Frame[] drawn = [.. prompts.Select((prompt, index) => TextToImage.Generate(loaded, prompt, new GenerationOptions { Steps = Steps, Seed = index }).Single())];
        Frame page = Imaging.ContactSheet.Draw(drawn, training.Options.Condition == PictureCondition.None ? [] : prompts, columns: 4, scale: Math.Max(1, 128 / training.Options.Size));
        string file = Path.Combine(training.RunFolder, $"preview-{step:D6}.png");
        SaveAsync(page, file).GetAwaiter().GetResult(); // the training waits for its preview
        return file;
    }

    private static async Task SaveAsync(Frame page, string file)
    {
        await using IFrameSink sink = FrameSinks.Create(file);
        await sink.WriteAsync(page);
        await sink.CompleteAsync();
    }

    private string[] Prompts()
    {
        PictureSet set = training.Pictures;
        string[] asked = training.Options.Condition switch
        {
            PictureCondition.Text => [.. set.Captions.Where(caption => caption.Length > 0).Distinct()],
            PictureCondition.Class => [.. training.Classes],
            _ => [""],
        };
        return [.. Enumerable.Range(0, Most).Select(index => asked[asked.Length >= Most ? index * asked.Length / Most : index % asked.Length])];
    }
}
