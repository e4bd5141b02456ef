using System.Text.Json.Nodes;
using Millrace.Checkpoints;
using Millrace.Models.Autoencoders;
using Millrace.Models.Layers;
using Millrace.Processes;
using Millrace.Tests.Cli;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Checkpoints;

public sealed class DiffusersFolderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_saved_is_loaded()
    {
        using var scope = NewDisposeScope();
        using StableDiffusionParts parts = TinyModel.Create();
        DiffusersFolder.Save(_folder.Path, parts);
        using DiffusionModel saved = parts.ToModel("saved"), loaded = DiffusersFolder.Load(_folder.Path);

        Assert.Equal(Path.GetFileName(_folder.Path), loaded.Name);
        Assert.Equal(8, loaded.DefaultSize);
        Assert.Equal(PredictionType.VPrediction, loaded.Denoiser.Prediction);
        Assert.Equal(((VariancePreservingProcess)parts.Process).AlphaBar, Assert.IsType<VariancePreservingProcess>(loaded.Process).AlphaBar);
        Assert.True(TinyModel.Answer(saved).Equals(TinyModel.Answer(loaded)));
    }

    [Fact]
    public void A_model_loaded_within_a_dispose_scope_outlives_it()
    {
        TinyModel.Save(_folder.Path);
        DiffusionModel model;
        using (NewDisposeScope())
        {
            model = DiffusersFolder.Load(_folder.Path);
        }

        TinyModel.Answer(model).Dispose();
        model.Dispose();
    }

    [Theory]
    [InlineData(ScalarType.Float16, 1e-2)]
    [InlineData(ScalarType.BFloat16, 5e-2)]
    public void Half_precision_weights_are_read(ScalarType precision, double tolerance)
    {
        using var scope = NewDisposeScope();
        TinyModel.Save(_folder.Path);
        using var halves = new TemporaryFolder();
        TinyModel.Save(halves.Path, precision);
        using DiffusionModel full = DiffusersFolder.Load(_folder.Path), half = DiffusersFolder.Load(halves.Path);

        using SafetensorsFile file = SafetensorsFile.Open(halves.File("unet/diffusion_pytorch_model.safetensors"));
        Assert.All(file.Entries, entry => Assert.Equal(precision, entry.Type));
        Assert.True(Golden.RelativeError(TinyModel.Answer(full), TinyModel.Answer(half)) < tolerance);
    }

    [Fact]
    public void Weights_in_memory_have_the_precision_asked_for()
    {
        using var scope = NewDisposeScope();
        TinyModel.Save(_folder.Path);
        using StableDiffusionParts parts = DiffusersFolder.LoadParts(_folder.Path, new LoadOptions { Precision = ScalarType.BFloat16 });
        using DiffusionModel full = DiffusersFolder.Load(_folder.Path), half = parts.ToModel("half");

        Assert.All(parts.UNet.parameters(), parameter => Assert.Equal(ScalarType.BFloat16, parameter.dtype));
        Assert.True(Golden.RelativeError(TinyModel.Answer(full), TinyModel.Answer(half)) < 0.05);
        Assert.Throws<ArgumentException>(() => DiffusersFolder.Load(_folder.Path, new LoadOptions { Precision = ScalarType.Int8 }));
    }

    [Theory]
    [InlineData("fp16")]
    [InlineData("bf16")]
    public void A_variant_is_read_where_there_is_no_other(string variant)
    {
        TinyModel.Save(_folder.Path, ScalarType.Float16);
        foreach (string path in Directory.GetFiles(_folder.Path, "*.safetensors", SearchOption.AllDirectories))
        {
            File.Move(path, Path.ChangeExtension(path, $".{variant}.safetensors"));
        }

        DiffusersFolder.Load(_folder.Path).Dispose();
    }

    [Theory]
    [InlineData("diffusion_pytorch_model.safetensors.index.json")]
    [InlineData("diffusion_pytorch_model.safetensors.index.fp16.json")]
    public void Shards_are_read(string index)
    {
        using var scope = NewDisposeScope();
        TinyModel.Save(_folder.Path);
        using DiffusionModel whole = DiffusersFolder.Load(_folder.Path);
        Shard(index);
        using DiffusionModel sharded = DiffusersFolder.Load(_folder.Path);

        Assert.True(TinyModel.Answer(whole).Equals(TinyModel.Answer(sharded)));
    }

    [Theory]
    [InlineData("../outside.safetensors")]
    [InlineData("/etc/outside.safetensors")]
    [InlineData("..\\outside.safetensors")]
    [InlineData("c:outside.safetensors")]
    [InlineData("model.bin")]
    [InlineData("")]
    [InlineData(null)]
    public void A_shard_outside_of_the_folder_is_refused(string? name)
    {
        TinyModel.Save(_folder.Path);
        string index = Shard("diffusion_pytorch_model.safetensors.index.json");
        JsonNode content = JsonNode.Parse(File.ReadAllText(index))!;
        content["weight_map"]!.AsObject()["conv_in.bias"] = name;
        File.WriteAllText(index, content.ToJsonString());

        Assert.StartsWith($"{index}: the shard '{name}' must be", Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public void An_index_that_tells_another_story_than_its_shards_is_refused()
    {
        TinyModel.Save(_folder.Path);
        string index = Shard("diffusion_pytorch_model.safetensors.index.json");
        JsonNode content = JsonNode.Parse(File.ReadAllText(index))!;
        content["weight_map"]!.AsObject()["nosuch.weight"] = "part-1.safetensors";
        File.WriteAllText(index, content.ToJsonString());

        Assert.Equal($"{index}: tensor 'nosuch.weight' is not in 'part-1.safetensors', as the index says.", Refusal());
        foreach (string broken in new[] { "{}", "[]", "{ \"weight_map\": null }", "{ \"weight_map\": { \"a\": 1 } }", "x" })
        {
            File.WriteAllText(index, broken);
            Assert.StartsWith(index, Refusal(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_tiny_autoencoder_takes_the_place_of_another()
    {
        TinyModel.Save(_folder.Path);
        string tiny = _folder.File("tiny");
        Directory.Move(_folder.File("vae"), tiny);

        DiffusersFolder.Load(_folder.Path, new LoadOptions { TinyAutoencoderPath = tiny }).Dispose();
        Assert.Equal($"'{_folder.File("vae")}' is not in the layout of diffusers: it lacks config.json.", Refusal());
        Assert.Contains("_class_name", Refusal(new LoadOptions { TinyAutoencoderPath = _folder.File("unet") }), StringComparison.Ordinal);
    }

    [Fact]
    public void The_large_autoencoder_is_read_also_by_its_old_names()
    {
        TinyModel.Save(_folder.Path);
        File.Delete(_folder.File("model_index.json"));
        var options = new AutoencoderKLOptions { BlockOutChannels = [8, 8], LayersPerBlock = 1, NormNumGroups = 4 };
        using (AutoencoderKL autoencoder = new AutoencoderKL(options).Initialize(new Generator(1)))
        {
            Assert.Contains("encoder.mid_block.attentions.0.to_q.weight", autoencoder.state_dict().Keys);
            SafetensorsWriter.Write(_folder.File("vae/diffusion_pytorch_model.safetensors"), autoencoder.state_dict().ToDictionary(
                entry => entry.Key.Replace("to_q", "query").Replace("to_k", "key").Replace("to_v", "value").Replace("to_out.0", "proj_attn"), entry => entry.Value));
        }

        _folder.Write("vae/config.json", """
            {
              "_class_name": "AutoencoderKL", "block_out_channels": [8, 8], "layers_per_block": 1, "norm_num_groups": 4, "sample_size": 8,
              "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D"], "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D"]
            }
            """);
        using DiffusionModel model = DiffusersFolder.Load(_folder.Path);

        Assert.IsType<AutoencoderKL>(model.Autoencoder);
        TinyModel.Answer(model).Dispose();
    }

    [Fact]
    public void Every_tensor_that_does_not_fit_is_named_with_its_shapes()
    {
        TinyModel.Save(_folder.Path);
        string path = _folder.File("unet/diffusion_pytorch_model.safetensors");
        Dictionary<string, Tensor> weights = Golden.Read(path);
        weights.Remove("conv_in.bias");
        weights["extra"] = zeros(2, 3);
        weights["conv_out.bias"] = zeros(5);
        SafetensorsWriter.Write(path, weights);

        Assert.Equal(
            $"'{path}' does not hold the weights of this UNet2DConditionModel: 1 tensor missing (conv_in.bias [8]); "
            + "1 tensor unexpected (extra [2, 3]); 1 tensor misshapen (conv_out.bias [5] instead of [4]).", Refusal());
    }

    [Fact]
    public void Of_many_tensors_that_do_not_fit_ten_are_named()
    {
        TinyModel.Save(_folder.Path);
        SafetensorsWriter.Write(_folder.File("text_encoder/model.safetensors"), []);

        Assert.Matches(@"36 tensors missing \((\S+ \[[\d, ]+\](, )?){10} and 26 more\)\.$", Refusal());
    }

    [Theory]
    [InlineData("unet/config.json", "cross_attention_dim", "24", "the U-Net attends to text of width 24, but the text encoder's width is 16")]
    [InlineData("unet/config.json", "in_channels", "7", "the U-Net maps 7 channels to 4, but the autoencoder's latents have 4")]
    [InlineData("unet/config.json", "sample_size", "500000", "latents of side 500000 times the autoencoder's factor 2 must make pictures of side 1 to 65536")]
    [InlineData("text_encoder/config.json", "vocab_size", "100", "but the text encoder knows only 100 tokens")]
    [InlineData("text_encoder/config.json", "hidden_size", "\"x\"", "field \"hidden_size\" is \"x\", but must be a whole number")]
    [InlineData("text_encoder/config.json", "vocab_size", "1000000", "text_model.embeddings.token_embedding.weight [530, 16] instead of [1000000, 16]")]
    [InlineData("text_encoder/config.json", "vocab_size", "2000000000", "VocabSize must be above 0 and at most 1000000, got 2000000000")]
    [InlineData("text_encoder/config.json", "num_hidden_layers", "2000000000", "NumHiddenLayers must be from 1 to 1000, got 2000000000")]
    [InlineData("vae/config.json", "_class_name", "\"VQModel\"", "but must be \"AutoencoderTiny\" or \"AutoencoderKL\"")]
    [InlineData("vae/config.json", "_class_name", "null", "field \"_class_name\" is missing")]
    [InlineData("scheduler/scheduler_config.json", "beta_start", "-1", "beta must satisfy")]
    [InlineData("scheduler/scheduler_config.json", "beta_end", "7", "beta must satisfy")]
    [InlineData("scheduler/scheduler_config.json", "num_train_timesteps", "2000000000", "num_train_timesteps")]
    [InlineData("scheduler/scheduler_config.json", "prediction_type", "\"flow_prediction\"", "\"epsilon\" or \"v_prediction\" or \"sample\"")]
    [InlineData("scheduler/scheduler_config.json", "_class_name", "\"EDMEulerScheduler\"", "must be one of a variance-preserving process")]
    [InlineData("scheduler/scheduler_config.json", "_class_name", "\"DreamScheduler\"", "field \"_class_name\" is")]
    [InlineData("scheduler/scheduler_config.json", "dreams", "7", "field \"dreams\" is 7")]
    [InlineData("scheduler/scheduler_config.json", "rescale_betas_zero_snr", "1", "but must be true or false")]
    [InlineData("model_index.json", "text_encoder_2", "[\"transformers\", \"CLIPTextModelWithProjection\"]", "such a part is not supported")]
    [InlineData("model_index.json", "unet", "[\"diffusers\", \"UNet3DConditionModel\"]", "but must be one of UNet2DConditionModel")]
    public void A_configuration_that_does_not_fit_is_refused(string file, string field, string value, string message)
    {
        TinyModel.Save(_folder.Path);
        JsonObject config = JsonNode.Parse(File.ReadAllText(_folder.File(file)))!.AsObject();
        config[field] = JsonNode.Parse(value);
        _folder.Write(file, config.ToJsonString());

        string refusal = Refusal();
        Assert.Contains(message, refusal, StringComparison.Ordinal);
        Assert.Contains(_folder.Path, refusal, StringComparison.Ordinal);
    }

    [Fact]
    public void Settings_of_samplers_and_numbers_as_python_writes_them_are_passed_over()
    {
        TinyModel.Save(_folder.Path);
        _folder.Write("scheduler/scheduler_config.json", """
            { "_class_name": "DPMSolverMultistepScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "lambda_min_clipped": -Infinity }
            """);
        using DiffusionModel model = DiffusersFolder.Load(_folder.Path);

        Assert.Equal(VariancePreservingProcess.StableDiffusion.AlphaBar, Assert.IsType<VariancePreservingProcess>(model.Process).AlphaBar);
        Assert.Equal(PredictionType.Epsilon, model.Denoiser.Prediction);
    }

    [Theory]
    [InlineData("unet/config.json")]
    [InlineData("unet/diffusion_pytorch_model.safetensors")]
    [InlineData("vae/config.json")]
    [InlineData("vae/diffusion_pytorch_model.safetensors")]
    [InlineData("text_encoder/config.json")]
    [InlineData("text_encoder/model.safetensors")]
    [InlineData("tokenizer/vocab.json")]
    [InlineData("tokenizer/merges.txt")]
    [InlineData("scheduler/scheduler_config.json")]
    public void A_missing_file_is_named(string file)
    {
        TinyModel.Save(_folder.Path);
        File.Delete(_folder.File(file));

        string refusal = Refusal();
        Assert.Contains(Path.GetFileName(file), refusal, StringComparison.Ordinal);
        Assert.Contains(_folder.Path, refusal, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_folder_is_refused()
    {
        Assert.Throws<DirectoryNotFoundException>(() => DiffusersFolder.Load(_folder.File("nosuch")));
        Assert.Contains("is a file", Assert.Throws<DirectoryNotFoundException>(() => DiffusersFolder.Load(_folder.Write("model.safetensors", ""))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void No_tensor_outlives_a_model()
    {
        TinyModel.Save(_folder.Path);
        Living.StaysConstant(() => DiffusersFolder.Load(_folder.Path).Dispose(), repeats: 5);

        // The last part that is read is the text encoder: everything before it is there when its weights turn out to be cut.
        string path = _folder.File("text_encoder/model.safetensors");
        Dictionary<string, Tensor> weights = Golden.Read(path);
        weights.Remove("text_model.final_layer_norm.bias");
        SafetensorsWriter.Write(path, weights);
        Living.StaysConstant(() => Refusal(), repeats: 5);
    }

    [Fact]
    public void Saving_refuses_what_it_cannot_store()
    {
        using StableDiffusionParts parts = TinyModel.Create();

        Assert.Throws<ArgumentException>(() => DiffusersFolder.Save(_folder.Path, parts, ScalarType.Int8));
        Assert.Throws<ArgumentException>(() => DiffusersFolder.Save(_folder.Path, parts with { Prediction = PredictionType.Flow }));
        Assert.ThrowsAny<IOException>(() => DiffusersFolder.Save(_folder.Write("file", ""), parts));
        Assert.Equal([_folder.File("file")], Directory.GetFiles(_folder.Path, "*", SearchOption.AllDirectories));
    }

    private string Refusal(LoadOptions? options = null) =>
        Assert.Throws<InvalidDataException>(() => DiffusersFolder.Load(_folder.Path, options)).Message;

    /// <summary>Cuts the U-Net's weights in two; the path of the index.</summary>
    private string Shard(string index)
    {
        string whole = _folder.File("unet/diffusion_pytorch_model.safetensors");
        Dictionary<string, Tensor> weights = Golden.Read(whole);
        var map = new JsonObject();
        foreach (IGrouping<int, string> shard in weights.Keys.Select((name, order) => (name, order)).GroupBy(item => 1 + (item.order % 2), item => item.name))
        {
            SafetensorsWriter.Write(_folder.File($"unet/part-{shard.Key}.safetensors"), shard.Select(name => KeyValuePair.Create(name, weights[name])));
            foreach (string name in shard)
            {
                map[name] = $"part-{shard.Key}.safetensors";
            }
        }

        File.Delete(whole);
        return _folder.Write($"unet/{index}", new JsonObject { ["metadata"] = new JsonObject(), ["weight_map"] = map }.ToJsonString());
    }
}
