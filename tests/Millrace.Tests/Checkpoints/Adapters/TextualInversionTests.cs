using Millrace.Checkpoints;
using Millrace.Checkpoints.Adapters;
using Millrace.Models.TextEncoders;
using Millrace.Tests.Cli;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Checkpoints.Adapters;

public sealed class TextualInversionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly DiffusionModel _model = TinyModel.Create().ToModel("tiny");

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("ink.safetensors", "emb_params", "ink")]
    [InlineData("ink.safetensors", "<ink-style>", "<ink-style>")]
    [InlineData("ink.bin", "<ink-style>", "<ink-style>")]
    [InlineData("ink.pt", "string_to_param", "ink")]
    public void Every_form_is_read_and_its_word_known(string file, string key, string word)
    {
        using var scope = NewDisposeScope();
        Tensor vectors = Vectors(2, 16);
        TextualInversion added = _model.TextualInversions.Add(Save(file, (key, vectors)));

        Assert.Equal((word, 2), (added.Token, added.Vectors));
        AssertReadsAs(vectors, $"a {word.ToUpperInvariant()} car");
    }

    [Fact]
    public void A_single_vector_and_a_given_word_do_too()
    {
        using var scope = NewDisposeScope();
        Tensor vectors = Vectors(1, 16);
        _model.TextualInversions.Add(Save("first.safetensors", ("emb_params", Vectors(3, 16))), "first");
        _model.TextualInversions.Add(Save("ink.bin", ("<ink>", vectors[0])), "ink");

        AssertReadsAs(vectors, "a ink car");
    }

    [Fact]
    public void A_word_of_the_vocabulary_with_its_own_vectors_is_itself_to_the_bit()
    {
        using var scope = NewDisposeScope();
        (ClipTextModel model, ClipTextEncoder encoder) = Parts();
        Tensor red = Table(model)[encoder.Tokens(["red"])[0, 1].item<long>()];
        Tensor plain = _model.TextEncoder.Encode(["a red car"]).Text.clone();
        _model.TextualInversions.Add(Save("ink.bin", ("ink", red)));

        Assert.True(plain.Equals(_model.TextEncoder.Encode(["a ink car"]).Text));
        Assert.True(plain.Equals(_model.TextEncoder.Encode(["a red car"]).Text));
        Assert.False(plain.Equals(_model.TextEncoder.Encode(["a inks car"]).Text));
    }

    [Fact]
    public void Sdxl_takes_vectors_for_both_text_encoders()
    {
        using var scope = NewDisposeScope();
        using DiffusionModel model = DiffusersFolder.Load(TinyFolders.Write("sdxl", _folder.File("sdxl")));
        Tensor plain = model.TextEncoder.Encode(["a ink car"]).Text.clone();
        model.TextualInversions.Add(Save("ink.safetensors", ("clip_l", Vectors(2, 16)), ("clip_g", Vectors(2, 24))));
        Tensor taught = model.TextEncoder.Encode(["a ink car"]).Text;

        Assert.Equal(plain.shape, taught.shape);
        Assert.False(plain.Equals(taught));
        string message = Refusal(() => model.TextualInversions.Add(Save("other.safetensors", ("emb_params", Vectors(2, 16)))));
        Assert.Contains("clip_l of [n, 16] and clip_g of [n, 24]; the file holds emb_params [2, 16]", message);
        Assert.Contains("as many vectors, got 2 and 3", Refusal(() => model.TextualInversions.Add(Save("third.safetensors", ("clip_l", Vectors(2, 16)), ("clip_g", Vectors(3, 24))))));
    }

    [Fact]
    public void What_does_not_fit_is_refused_and_leaves_nothing()
    {
        using var scope = NewDisposeScope();
        Tensor plain = _model.TextEncoder.Encode(["a ink car"]).Text.clone();

        Assert.Contains("needs one tensor of [n, 16]", Refusal(() => _model.TextualInversions.Add(Save("ink.pt", ("string_to_param", Vectors(2, 24))))));
        Assert.Contains("holds a [2, 16], b [2, 16]", Refusal(() => _model.TextualInversions.Add(Save("ink.safetensors", ("a", Vectors(2, 16)), ("b", Vectors(2, 16))))));
        Assert.Contains("NaN", Refusal(() => _model.TextualInversions.Add(Save("nan.safetensors", ("emb_params", Vectors(2, 16).log())))));
        Assert.Empty(_model.TextualInversions.All);
        Assert.True(plain.Equals(_model.TextEncoder.Encode(["a ink car"]).Text));

        _model.TextualInversions.Add(Save("ink.safetensors", ("emb_params", Vectors(2, 16))));
        Assert.Contains("not taught yet, got \"INK\"", Assert.Throws<ArgumentException>(() => _model.TextualInversions.Add(_folder.File("ink.safetensors"), "INK")).Message);
    }

    [Fact]
    public void No_tensor_outlives_a_call()
    {
        _model.TextualInversions.Add(Save("ink.safetensors", ("emb_params", Vectors(2, 16))));
        Living.StaysConstant(() => _model.TextEncoder.Encode(["a (ink:1.2) car"]).Dispose());
    }

    [Fact]
    public async Task The_command_line_takes_one()
    {
        string model = _folder.File("model"), file = Save("ink.safetensors", ("emb_params", Vectors(2, 16)));
        TinyModel.Save(model);
        async Task<byte[]> Draw(string output, params string[] more)
        {
            CommandLineResult result = await CommandLine.RunAsync(["generate", "--model", model, "--prompt", "a red wash", "--steps", "2", "--precision", "fp32", "--output", _folder.File(output), .. more]);
            Assert.Equal((0, ""), (result.ExitCode, result.Error));
            return await File.ReadAllBytesAsync(_folder.File(output), TestContext.Current.CancellationToken);
        }

        byte[] plain = await Draw("plain.png");
        Assert.Equal(plain, await Draw("other.png", "--embedding", file));
        Assert.NotEqual(plain, await Draw("taught.png", "--embedding", file + ":wash"));
    }

    private static string Refusal(Action add) => Assert.Throws<InvalidDataException>(add).Message;

    private static Tensor Vectors(int count, int width) => randn([count, width], generator: new Generator(7));

    private static Tensor Table(ClipTextModel model) => model.state_dict()["text_model.embeddings.token_embedding.weight"];

    private (ClipTextModel Model, ClipTextEncoder Encoder) Parts() => ((ClipTextModel)_model.Parts["text_encoder"], (ClipTextEncoder)_model.TextEncoder);

    /// <summary>The naive way: the vectors stand in the table, in place of words that the prompt does not hold.</summary>
    private void AssertReadsAs(Tensor vectors, string prompt)
    {
        using IDisposable noGrad = no_grad();
        (ClipTextModel model, ClipTextEncoder encoder) = Parts();
        Tensor tokens = encoder.Tokens(["a car"]).clone();
        (long car, long end) = (tokens[0, 2].item<long>(), tokens[0, 3].item<long>());
        long[] ids = [tokens[0, 0].item<long>(), tokens[0, 1].item<long>(), .. Enumerable.Range(0, (int)vectors.shape[0]).Select(index => (long)index), car, end];
        ids = [.. ids, .. Enumerable.Repeat(end, 8 - ids.Length)];
        Tensor kept = Table(model).clone();
        Table(model).narrow(0, 0, vectors.shape[0]).copy_(vectors);
        Tensor expected = model.Encode(tensor(ids).unsqueeze(0)).LastHiddenState;
        Table(model).copy_(kept);

        Assert.True(Golden.RelativeError(expected, encoder.Encode([prompt]).Text) < 1e-6);
    }

    private string Save(string file, params (string Name, Tensor Tensor)[] tensors)
    {
        string path = _folder.File(file);
        if (file.EndsWith(".safetensors", StringComparison.Ordinal))
        {
            SafetensorsWriter.Write(path, tensors.ToDictionary(entry => entry.Name, entry => entry.Tensor));
        }
        else if (tensors[0].Name == "string_to_param")
        {
            byte[] bytes = new TorchArchive().Dictionary(root =>
            {
                root.Text("string_to_token").Dictionary(inner => inner.Text("*").Number(265));
                root.Text("string_to_param").Dictionary(inner => inner.Text("*").Tensor(tensors[0].Tensor));
                root.Text("name").Text("other");
            }).ToBytes();
            File.WriteAllBytes(path, bytes);
        }
        else
        {
            File.WriteAllBytes(path, TorchArchive.OfTensors(tensors));
        }

        return path;
    }
}
