using System.Text.Json;
using Millrace.Checkpoints;
using Millrace.Guidance;
using Millrace.Models;
using Millrace.Models.Autoencoders;
using Millrace.Models.UNets;
using Millrace.Processes;
using Millrace.Solvers;
using Millrace.Streaming;
using static TorchSharp.torch;

namespace Millrace.Evaluation.Verification;

/// <summary>
/// The streaming engine: an <c>index.json</c> with the settings of each case (<c>t_index_list</c>, <c>cfg_type</c> ...), and for
/// each case a file with every frame that went in and came out. The networks are those of the folders unet-sd15 and
/// autoencoder-tiny beside it.
/// </summary>
internal sealed class StreamFixture : IFixtureKind
{
    private const string SimilarityFile = "similarity_frames.safetensors";

    public bool Recognizes(FixtureFolder folder, JsonElement document) =>
        document.EnumerateObject().All(entry => entry.Value.ValueKind == JsonValueKind.Object && entry.Value.TryGetProperty("t_index_list", out _));

    public IEnumerable<FixtureCase> Cases(FixtureFolder folder, JsonElement document)
    {
        IEnumerable<FixtureCase> cases = document.EnumerateObject().Select(entry =>
            new FixtureCase($"{folder.Label}/{entry.Name}", nameof(StreamBatch), () => CompareStream(folder, entry.Name, entry.Value)));
        return folder.Has(SimilarityFile)
            ? cases.Append(new FixtureCase($"{folder.Label}/similarity", nameof(SimilarityFilter), () => CompareSimilarity(folder)))
            : cases;
    }

    private static List<TensorComparison> CompareStream(FixtureFolder folder, string name, JsonElement settings)
    {
        using var scope = NewDisposeScope();
        using var gradients = no_grad();
        (StreamOptions options, int frames) = Read(settings);
        using SafetensorsFile file = SafetensorsFile.Open(folder.PathOf($"{name}.safetensors"));
        using var unet = new UNet2DConditionModel(UNet2DConditionConfig.Read(Beside(folder, "unet-sd15").PathOf(FixtureFolder.ConfigFile)));
        FixtureWeights.Load(unet, Beside(folder, "unet-sd15"));
        using var autoencoder = new AutoencoderTiny(AutoencoderTinyConfig.Read(Beside(folder, "autoencoder-tiny").PathOf(FixtureFolder.ConfigFile)));
        FixtureWeights.Load(autoencoder, Beside(folder, "autoencoder-tiny"));

        Tensor noise = file.Read("init_noise");
        using var batch = new StreamBatch(
            new Denoiser(unet, PredictionType.Epsilon), VariancePreservingProcess.StableDiffusion, options,
            ((int)noise.shape[1], (int)noise.shape[2], (int)noise.shape[3]), noise.unsqueeze(1));
        using var prompt = new StreamPrompt(new Conditioning(file.Read("prompt_embeds")), new Conditioning(file.Read("negative_embeds")));

        List<TensorComparison> comparisons = [.. CompareConstants(file, options)];
        for (int frame = 0; frame < frames; frame++)
        {
            Tensor latent = autoencoder.Encode(file.Read($"image.{frame}").Times(2).Plus(-1).unsqueeze(0));
            using StreamTick tick = batch.Tick(latent, [frame], prompt);
            comparisons.Add(TensorComparison.Of($"x_t.{frame}", batch.LastInput!, file.Read($"x_t.{frame}")));
            comparisons.Add(TensorComparison.Of($"x0.{frame}", tick.Latents, file.Read($"x0.{frame}")));
            comparisons.Add(TensorComparison.Of($"out.{frame}", autoencoder.Decode(tick.Latents), file.Read($"out.{frame}")));
            if (options.Guidance is GuidanceType.Self or GuidanceType.Initialize && options.Steps.Count > 1)
            {
                // Without residual guidance the reference does not keep it up to date. The last row leaves with its frame.
                comparisons.Add(TensorComparison.Of($"stock_noise.{frame}", batch.StockNoise[..^1], file.Read($"stock_noise.{frame}")[..^1]));
            }
        }

        return comparisons;
    }

    private static IEnumerable<TensorComparison> CompareConstants(SafetensorsFile file, StreamOptions options)
    {
        ConsistencyLevel[] levels =
            [.. LcmTimesteps.Select(options.Steps, options.InferenceSteps).Select(timestep => ConsistencyLevel.At(VariancePreservingProcess.StableDiffusion, timestep))];
        TensorComparison Compare(string name, Func<ConsistencyLevel, double> constant) =>
            TensorComparison.Of(name, tensor([.. levels.Select(constant)]), file.Read(name).flatten());

        return
        [
            Compare("timesteps", level => level.Timestep),
            Compare("alpha_prod_t_sqrt", level => level.Alpha),
            Compare("beta_prod_t_sqrt", level => level.Sigma),
            Compare("c_skip", level => level.Skip),
            Compare("c_out", level => level.Out),
        ];
    }

    private static List<TensorComparison> CompareSimilarity(FixtureFolder folder)
    {
        using var scope = NewDisposeScope();
        using SafetensorsFile file = SafetensorsFile.Open(folder.PathOf(SimilarityFile));
        Tensor frames = file.Read("frames"), cosines = file.Read("cosine_to_previous_frame");
        double[] ours = [.. Enumerable.Range(1, (int)frames.shape[0] - 1).Select(index => SimilarityFilter.Similarity(frames[index - 1], frames[index]))];
        return [TensorComparison.Of("cosine_to_previous_frame", tensor(ours), cosines[1..])];
    }

    private static (StreamOptions Options, int Frames) Read(JsonElement settings)
    {
        try
        {
            if (!settings.GetProperty("use_denoising_batch").GetBoolean())
            {
                throw new NotSupportedException("The sequential loop of the reference draws noise of its own, which the fixture does not hold.");
            }

            var options = new StreamOptions
            {
                Steps = [.. settings.GetProperty("t_index_list").EnumerateArray().Select(step => step.GetInt32())],
                InferenceSteps = settings.GetProperty("num_inference_steps").GetInt32(),
                FrameBufferSize = settings.GetProperty("frame_buffer_size").GetInt32(),
                Width = settings.GetProperty("size").GetInt32(),
                Height = settings.GetProperty("size").GetInt32(),
                Guidance = Enum.Parse<GuidanceType>(settings.GetProperty("cfg_type").GetString()!, ignoreCase: true),
                GuidanceScale = settings.GetProperty("guidance_scale").GetDouble(),
                Delta = settings.GetProperty("delta").GetDouble(),
                AddNoise = settings.GetProperty("do_add_noise").GetBoolean(),
            };
            return (options, settings.GetProperty("frames").GetInt32());
        }
        catch (InvalidOperationException error)
        {
            throw new InvalidDataException($"A setting has the wrong type: {error.Message}", error);
        }
    }

    private static FixtureFolder Beside(FixtureFolder folder, string name) =>
        new(Path.Combine(Path.GetDirectoryName(folder.Path)!, name), name);
}
