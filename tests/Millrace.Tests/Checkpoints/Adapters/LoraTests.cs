using Millrace.Checkpoints;
using Millrace.Checkpoints.Adapters;
using Millrace.Tests.Cli;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Checkpoints.Adapters;

public sealed class LoraTests : IDisposable
{
    private const string Query = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q", Output = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0";
    private const string Convolution = "down_blocks.0.resnets.0.conv1", Words = "text_model.encoder.layers.0.self_attn.q_proj";

    private readonly TemporaryFolder _folder = new();
    private readonly DiffusionModel _model = TinyModel.Create().ToModel("tiny");
    private readonly Generator _generator = new(3);

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
        _generator.Dispose();
    }

    [Theory]
    [InlineData("diffusers", "unet.{0}.lora_A.weight", "unet.{0}.lora_B.weight", null)]
    [InlineData("diffusers of old", "unet.{0}.lora.down.weight", "unet.{0}.lora.up.weight", null)]
    [InlineData("attention processors", "unet.{1}.processor.{2}_lora.down.weight", "unet.{1}.processor.{2}_lora.up.weight", null)]
    [InlineData("PEFT", "base_model.model.{0}.lora_A.weight", "base_model.model.{0}.lora_B.weight", null)]
    [InlineData("PEFT by adapter", "base_model.model.{0}.lora_A.default.weight", "base_model.model.{0}.lora_B.default.weight", null)]
    [InlineData("kohya", "lora_unet_{3}.lora_down.weight", "lora_unet_{3}.lora_up.weight", "lora_unet_{3}.alpha")]
    public void Every_key_style_changes_the_weight_it_names(string style, string down, string up, string? alpha)
    {
        foreach (string layer in new[] { Query, Output })
        {
            int end = layer.IndexOf(".to_", StringComparison.Ordinal);
            object[] names = [layer, layer[..end], layer[(end + 1)..].Replace(".0", ""), layer.Replace('.', '_')];
            string Key(string form) => string.Format(System.Globalization.CultureInfo.InvariantCulture, form, names);
            using var scope = NewDisposeScope();
            Tensor before = Weight("unet", layer).clone(), a = Random(2, before.shape[1]), b = Random(before.shape[0], 2);
            Dictionary<string, Tensor> tensors = new() { [Key(down)] = a, [Key(up)] = b };
            if (alpha is not null)
            {
                tensors[Key(alpha)] = tensor(1f);
            }

            Lora lora = _model.Loras.Add(Save(tensors), 0.7);
            Tensor expected = before.Plus(b.matmul(a).Times(0.7 * (alpha is null ? 1 : 0.5)));
            Assert.True(Golden.RelativeError(expected, Weight("unet", layer)) < 1e-6, style);
            _model.Loras.Remove(lora);
            Assert.True(before.Equals(Weight("unet", layer)));
        }
    }

    [Fact]
    public void Names_of_single_files_text_encoders_and_convolutions_are_known()
    {
        using var scope = NewDisposeScope();
        Tensor attention = Weight("unet", Query).clone(), convolution = Weight("unet", Convolution).clone(), words = Weight("text_encoder", Words).clone();
        Tensor[] down = [Random(2, attention.shape[1]), Random(2, convolution.shape[1], 3, 3), Random(4, words.shape[1])];
        Tensor[] up = [Random(attention.shape[0], 2), Random(convolution.shape[0], 2, 1, 1), Random(words.shape[0], 4)];
        string[] names = ["lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_q", "lora_unet_down_blocks_0_resnets_0_conv1", "lora_te_" + Words.Replace('.', '_')];
        Dictionary<string, Tensor> tensors = [];
        foreach ((int index, string name) in names.Index())
        {
            (tensors[name + ".lora_down.weight"], tensors[name + ".lora_up.weight"]) = (down[index], up[index]);
        }

        Assert.Equal(3, _model.Loras.Add(Save(tensors)).LayerCount);
        Assert.True(Golden.RelativeError(attention.Plus(up[0].matmul(down[0])), Weight("unet", Query)) < 1e-6);
        Assert.True(Golden.RelativeError(convolution.Plus(up[1].flatten(1).matmul(down[1].flatten(1)).view(convolution.shape)), Weight("unet", Convolution)) < 1e-6);
        Assert.True(Golden.RelativeError(words.Plus(up[2].matmul(down[2])), Weight("text_encoder", Words)) < 1e-6);
    }

    [Fact]
    public void Alpha_of_a_PEFT_folder_lies_beside_the_weights()
    {
        using var scope = NewDisposeScope();
        Tensor before = Weight("unet", Query).clone(), a = Random(4, before.shape[1]), b = Random(before.shape[0], 4);
        string folder = Directory.CreateDirectory(_folder.File("peft")).FullName;
        SafetensorsWriter.Write(Path.Combine(folder, "adapter_model.safetensors"), new Dictionary<string, Tensor> { [$"base_model.model.{Query}.lora_A.weight"] = a, [$"base_model.model.{Query}.lora_B.weight"] = b });
        File.WriteAllText(Path.Combine(folder, "adapter_config.json"), """{ "r": 4, "lora_alpha": 8 }""");
        _model.Loras.Add(folder);
        Assert.True(Golden.RelativeError(before.Plus(b.matmul(a).Times(2)), Weight("unet", Query)) < 1e-6);

        File.WriteAllText(Path.Combine(folder, "adapter_config.json"), """{ "r": "four" }""");
        Assert.Contains("lora_alpha and r", Assert.Throws<InvalidDataException>(() => _model.Loras.Add(folder)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    public void On_changed_and_off_again_gives_the_same_bits(ScalarType? prepared)
    {
        using var scope = NewDisposeScope();
        if (prepared is { } precision)
        {
            _model.PrepareForInference(precision);
        }

        Tensor before = TinyModel.Answer(_model);
        string first = Save(Layers(Query, Output, Convolution)), second = Save(Layers(Query, "up_blocks.1.attentions.1.transformer_blocks.0.attn2.to_k"));
        Lora one = _model.Loras.Add(first), two = _model.Loras.Add(second, 0.5);
        Tensor both = TinyModel.Answer(_model);
        Assert.False(before.Equals(both));

        _model.Loras.SetScale(one, -0.3);
        Assert.False(both.Equals(TinyModel.Answer(_model)));
        _model.Loras.SetScale(one, 1);
        Assert.True(both.Equals(TinyModel.Answer(_model)));

        _model.Loras.SetScale(one, 0);
        Tensor secondAlone = TinyModel.Answer(_model);
        _model.Loras.Remove(one);
        Assert.True(secondAlone.Equals(TinyModel.Answer(_model)));
        _model.Loras.SetScale(two, 0);
        Assert.True(before.Equals(TinyModel.Answer(_model)));
        _model.Loras.Remove(two);
        Assert.True(before.Equals(TinyModel.Answer(_model)));
        Assert.Empty(_model.Loras.All);
    }

    [Fact]
    public void One_for_another_base_is_refused_with_what_does_not_fit()
    {
        using var scope = NewDisposeScope();
        Tensor before = TinyModel.Answer(_model);
        Dictionary<string, Tensor> tensors = Layers(Query);
        (tensors["unet.mid_block.attentions.9.to_q.lora_A.weight"], tensors["unet.mid_block.attentions.9.to_q.lora_B.weight"]) = (Random(2, 8), Random(8, 2));
        (tensors[$"unet.{Output}.lora_A.weight"], tensors[$"unet.{Output}.lora_B.weight"]) = (Random(2, 320), Random(320, 2));
        string path = Save(tensors);

        string message = Assert.Throws<InvalidDataException>(() => _model.Loras.Add(path)).Message;
        Assert.Equal($"'{path}' is a LoRA for another base: 2 of its 3 layers do not fit the model 'tiny': 'unet.{Output}' (for [320, 320], here [8, 8]), 'unet.mid_block.attentions.9.to_q' (no such layer).", message);
        Assert.Empty(_model.Loras.All);
        Assert.True(before.Equals(TinyModel.Answer(_model)));
    }

    [Fact]
    public void What_is_no_LoRA_is_refused_in_one_sentence()
    {
        using var scope = NewDisposeScope();
        void Refused(string words, Dictionary<string, Tensor> tensors) =>
            Assert.Contains(words, Assert.Throws<InvalidDataException>(() => _model.Loras.Add(Save(tensors))).Message, StringComparison.Ordinal);

        Refused("lacks its up (B) matrix", new() { [$"unet.{Query}.lora_A.weight"] = Random(2, 8) });
        Refused("is no LoRA", new() { ["conv_in.weight"] = Random(2, 8) });
        Refused("is a DoRA adapter", new() { [$"unet.{Query}.dora_scale"] = Random(2, 8) });
        Refused("is a LoHa adapter", new() { ["lora_unet_x.hada_w1_a"] = Random(2, 8) });
        Refused("have no product", new() { [$"unet.{Query}.lora_A.weight"] = Random(2, 8), [$"unet.{Query}.lora_B.weight"] = Random(8, 3) });
        Refused("NaN or infinity", new() { [$"unet.{Query}.lora_A.weight"] = Random(2, 8), [$"unet.{Query}.lora_B.weight"] = TensorArithmetic.Filled(double.NaN, null, 8, 2) });
        Refused("must be one number", new() { [$"unet.{Query}.alpha"] = Random(2) });
        Assert.Throws<FileNotFoundException>(() => _model.Loras.Add(_folder.File("none.safetensors")));
        Assert.Throws<FileNotFoundException>(() => _model.Loras.Add(_folder.Path));
        Assert.Throws<ArgumentOutOfRangeException>(() => _model.Loras.Add("x", double.NaN));
        Lora lora = _model.Loras.Add(Save(Layers(Query)));
        _model.Loras.Remove(lora);
        Assert.Throws<ArgumentException>(() => _model.Loras.SetScale(lora, 1));
    }

    [Fact]
    public void No_tensor_stays_behind()
    {
        string path = Save(Layers(Query, Convolution));
        Living.StaysConstant(
            () =>
            {
                Lora lora = _model.Loras.Add(path);
                _model.Loras.SetScale(lora, 0.5);
                _model.Loras.Remove(lora);
            },
            repeats: 5);
    }

    private Dictionary<string, Tensor> Layers(params string[] layers)
    {
        Dictionary<string, Tensor> tensors = [];
        foreach (string layer in layers)
        {
            Tensor weight = Weight("unet", layer);
            (tensors[$"unet.{layer}.lora_A.weight"], tensors[$"unet.{layer}.lora_B.weight"]) = (Random([2, .. weight.shape[1..]]), Random([weight.shape[0], 2, .. Enumerable.Repeat(1L, weight.shape.Length - 2)]));
        }

        return tensors;
    }

    private string Save(Dictionary<string, Tensor> tensors)
    {
        string path = _folder.File($"{Guid.NewGuid():N}.safetensors");
        SafetensorsWriter.Write(path, tensors);
        return path;
    }

    private TorchSharp.Modules.Parameter Weight(string part, string layer) => _model.Parts[part].named_parameters().First(entry => entry.name == layer + ".weight").parameter;

    private Tensor Random(params long[] shape) => randn(shape, generator: _generator);
}
