using Millrace.Checkpoints;
using Millrace.Models.ImageEncoders;
using Millrace.Tests.Cli;
using Millrace.Tests.Support;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Tests.Models;

/// <summary>CLIP's picture encoder, and how a picture is brought to it.</summary>
public sealed class ClipVisionModelTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(14, 4, 2, 12, true)]
    [InlineData(12, 6, 3, 7, false)]
    [InlineData(8, 8, 1, null, true)]
    public void It_computes_what_plain_operations_do(int side, int patch, int layers, int? projection, bool quick)
    {
        using var scope = NewDisposeScope();
        ClipVisionOptions options = TinyModel.Vision with { ImageSize = side, PatchSize = patch, NumHiddenLayers = layers, ProjectionDim = projection, QuickGelu = quick, LayerNormEps = 1e-4 };
        using ClipVisionModel encoder = ImageEncoderFolder.Load(TinyFolders.ImageEncoder(_folder.Path, options));
        Assert.Equal(options, encoder.Options);
        Tensor pixels = randn(2, 3, side, side);
        ClipVisionOutput output = encoder.Encode(pixels);
        (Tensor penultimate, Tensor? embeddings) = Plain(encoder, pixels);

        Assert.True(Golden.RelativeError(penultimate, output.PenultimateHiddenState) < 1e-5);
        Assert.Equal([2, options.Tokens, 16], output.PenultimateHiddenState.shape);
        Assert.Equal(projection is null, output.ImageEmbeddings is null);
        Assert.True(embeddings is null || Golden.RelativeError(embeddings, output.ImageEmbeddings!) < 1e-5);
        Assert.Contains($"pixels must be [B, 3, {side}, {side}]", Assert.Throws<ArgumentException>(() => encoder.Encode(zeros(1, 3, 5, side))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(9, 23, 6)]
    [InlineData(31, 16, 12)]
    [InlineData(5, 5, 11)]
    [InlineData(8, 8, 8)]
    [InlineData(8, 13, 8)]
    public void A_picture_is_resized_pixel_by_pixel_and_cut(int height, int width, int side)
    {
        using var scope = NewDisposeScope();
        byte[] levels = new byte[3 * height * width];
        new Random(height).NextBytes(levels);
        Tensor picture = tensor(levels, [1, 3, height, width]).to(float32).Times(1 / 255.0);
        float[] ours = [.. ClipPicture.ToPixels(picture, side).data<float>()];
        double[] expected = [.. Enumerable.Range(0, 3).SelectMany(channel => Plain(levels[(channel * height * width)..((channel + 1) * height * width)], height, width, side, channel))];

        // A sum that lies on the edge of two levels may be rounded to either.
        const double Level = 1 / 255.0 / 0.26;
        Assert.All(expected.Zip(ours), pair => Assert.InRange(pair.Second - pair.First, -Level, Level));
        Assert.True(expected.Zip(ours).Count(pair => Math.Abs(pair.First - pair.Second) < 1e-5) > 0.97 * ours.Length);
    }

    [Theory]
    [InlineData("\"model_type\": \"clip\"", "field \"model_type\" is \"clip\", but must be \"clip_vision_model\"")]
    [InlineData("\"model_type\": \"clip_vision_model\", \"hidden_act\": \"selu\"", "field \"hidden_act\" is \"selu\"")]
    [InlineData("\"model_type\": \"clip_vision_model\", \"patch_size\": 300", "ImageSize must be from PatchSize, 300")]
    public void What_is_not_computed_is_refused(string fields, string sentence)
    {
        TinyFolders.ImageEncoder(_folder.Path, TinyModel.Vision);
        File.WriteAllText(_folder.File("config.json"), $"{{ {fields} }}");
        Assert.Contains(sentence, Assert.Throws<InvalidDataException>(() => ImageEncoderFolder.Load(_folder.Path)).Message, StringComparison.Ordinal);
    }

    /// <summary>The transformer, operation by operation over the names of its parameters.</summary>
    private static (Tensor Penultimate, Tensor? Embeddings) Plain(ClipVisionModel encoder, Tensor pixels)
    {
        Dictionary<string, Tensor> weights = encoder.state_dict();
        ClipVisionOptions options = encoder.Options;
        Tensor Linear(string name, Tensor x) => functional.linear(x, weights[name + ".weight"], weights.GetValueOrDefault(name + ".bias"));
        Tensor Norm(string name, Tensor x) => functional.layer_norm(x, [x.shape[^1]], weights[name + ".weight"], weights[name + ".bias"], options.LayerNormEps);
        Tensor Part(string name) => weights["vision_model.embeddings." + name];
        int across = options.ImageSize / options.PatchSize, patch = options.PatchSize;
        var tokens = new List<Tensor> { Part("class_embedding").expand(pixels.shape[0], -1) };
        for (int cell = 0; cell < across * across; cell++)
        {
            Tensor square = pixels.narrow(2, cell / across * patch, patch).narrow(3, cell % across * patch, patch);
            tokens.Add(square.flatten(1).matmul(Part("patch_embedding.weight").flatten(1).t()));
        }

        Tensor hidden = Norm("vision_model.pre_layrnorm", stack(tokens, 1).Plus(Part("position_embedding.weight"))), penultimate = hidden;
        for (int layer = 0; layer < options.NumHiddenLayers; layer++)
        {
            string name = $"vision_model.encoder.layers.{layer}";
            penultimate = hidden;
            Tensor own = Norm($"{name}.layer_norm1", hidden);
            Tensor[] heads = [.. Linear($"{name}.self_attn.q_proj", own).chunk(2, -1).Zip(Linear($"{name}.self_attn.k_proj", own).chunk(2, -1), Linear($"{name}.self_attn.v_proj", own).chunk(2, -1)).Select(
                head => head.First.matmul(head.Second.transpose(1, 2)).Times(1 / Math.Sqrt(8)).softmax(-1).matmul(head.Third))];
            hidden = hidden.Plus(Linear($"{name}.self_attn.out_proj", cat(heads, -1)));
            Tensor wide = Linear($"{name}.mlp.fc1", Norm($"{name}.layer_norm2", hidden));
            hidden = hidden.Plus(Linear($"{name}.mlp.fc2", options.QuickGelu ? wide * sigmoid(wide.Times(1.702)) : functional.gelu(wide)));
        }

        return (penultimate, options.ProjectionDim is null ? null : Linear("visual_projection", Norm("vision_model.post_layernorm", hidden[TensorIndex.Colon, 0])));
    }

    /// <summary>One channel, pixel by pixel: each new one gathers from the old ones around its place, along the rows first.</summary>
    private static IEnumerable<double> Plain(byte[] levels, int height, int width, int side, int channel)
    {
        double[] mean = [0.48145466, 0.4578275, 0.40821073], deviation = [0.26862954, 0.26130258, 0.27577711];
        int shorter = Math.Min(height, width), newHeight = side * height / shorter, newWidth = side * width / shorter;
        var rows = new double[height, newWidth];
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < newWidth; x++)
            {
                rows[y, x] = Gathered(old => levels[(y * width) + old], width, newWidth, x);
            }
        }

        int top = (newHeight - side) / 2, left = (newWidth - side) / 2;
        for (int y = top; y < top + side; y++)
        {
            for (int x = left; x < left + side; x++)
            {
                yield return ((Gathered(old => rows[old, x], height, newHeight, y) / 255) - mean[channel]) / deviation[channel];
            }
        }
    }

    private static double Gathered(Func<int, double> level, int before, int after, int index)
    {
        if (before == after)
        {
            return level(index);
        }

        double scale = (double)before / after, stretch = Math.Max(1, scale), centre = (index + 0.5) * scale, sum = 0, shares = 0;
        for (int old = Math.Max(0, (int)(centre - (2 * stretch) + 0.5)); old < Math.Min(before, (int)(centre + (2 * stretch) + 0.5)); old++)
        {
            double distance = Math.Abs(old + 0.5 - centre) / stretch, cube = Math.Pow(distance, 3), square = distance * distance;
            double share = distance < 1 ? (1.5 * cube) - (2.5 * square) + 1 : distance < 2 ? (-0.5 * cube) + (2.5 * square) - (4 * distance) + 2 : 0;
            sum += share * level(old);
            shares += share;
        }

        return Math.Clamp(Math.Floor((sum / shares) + 0.5), 0, 255);
    }
}
