using Millrace.Checkpoints;
using Millrace.Evaluation.Perceptual;
using Millrace.Models.Layers;
using Millrace.Tests.Cli;
using Millrace.Tests.Support;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Tests.Evaluation;

/// <summary>LPIPS over networks with random weights; the published ones are the user's.</summary>
public sealed class PerceptualDistanceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("alex")]
    [InlineData("vgg")]
    [InlineData("squeeze")]
    public void It_is_a_distance_that_gradients_go_through(string name)
    {
        using var scope = NewDisposeScope();
        using PerceptualDistance distance = Load(name);
        Tensor first = Pictures(1), second = Pictures(2);
        double[] apart = distance.Measure(first, second);
        Assert.All(apart, value => Assert.True(value > 0));
        Assert.All(distance.Measure(first, first), value => Assert.Equal(0, value));
        Assert.All(apart.Zip(distance.Measure(second, first)), pair => Assert.Equal(pair.First, pair.Second, 1e-5));

        Tensor near = lerp(first, second, tensor(0.1f)).requires_grad_();
        Tensor towards = distance.Of(near, first);
        Assert.All(towards.data<float>().ToArray().Zip(apart), pair => Assert.True(pair.First < pair.Second));
        towards.sum().backward();
        Assert.True(near.grad!.abs().sum().item<float>() > 0);
    }

    [Fact]
    public void AlexNets_is_the_formula_written_out()
    {
        using var scope = NewDisposeScope();
        using PerceptualDistance distance = Load("alex");
        using TensorFile network = TensorFile.Open(_folder.File("alex.safetensors")), heads = TensorFile.Open(_folder.File("alex-heads.safetensors"));
        Tensor first = Pictures(1), second = Pictures(2);
        Tensor shift = tensor([-0.030f, -0.088f, -0.188f], [1, 3, 1, 1]), scale = tensor([0.458f, 0.448f, 0.450f], [1, 3, 1, 1]);
        double expected = 0;
        (int Name, int Stride, int Padding, bool Pooled)[] layers = [(0, 4, 2, false), (3, 1, 2, true), (6, 1, 1, true), (8, 1, 1, false), (10, 1, 1, false)];
        (Tensor a, Tensor b) = (first.Minus(shift) / scale, second.Minus(shift) / scale);
        for (int layer = 0; layer < layers.Length; layer++)
        {
            var (index, stride, padding, pooled) = layers[layer];
            Tensor weight = network.Read($"features.{index}.weight"), bias = network.Read($"features.{index}.bias"), head = heads.Read($"lin{layer}.model.1.weight");
            Tensor Next(Tensor x) => functional.relu(functional.conv2d(pooled ? functional.max_pool2d(x, 3, 2) : x, weight, bias, [stride, stride], [padding, padding]));
            (a, b) = (Next(a), Next(b));
            float[] one = a[0].data<float>().ToArray(), two = b[0].data<float>().ToArray(), weights = head.data<float>().ToArray();
            int places = (int)(a.shape[2] * a.shape[3]), channels = (int)a.shape[1];
            for (int place = 0; place < places; place++)
            {
                double Norm(float[] of) => Math.Sqrt(Enumerable.Range(0, channels).Sum(c => (double)of[(c * places) + place] * of[(c * places) + place])) + 1e-10;
                (double n1, double n2) = (Norm(one), Norm(two));
                expected += Enumerable.Range(0, channels).Sum(c => weights[c] * Math.Pow((one[(c * places) + place] / n1) - (two[(c * places) + place] / n2), 2)) / places;
            }
        }

        Assert.Equal(expected, distance.Measure(first, second)[0], 1e-5);
    }

    [Theory]
    [InlineData("alex")]
    [InlineData("vgg")]
    [InlineData("squeeze")]
    public void The_published_heads_fit(string name)
    {
        using var scope = NewDisposeScope();
        string heads = SharedData.Require($"data/weights/lpips/{name}.safetensors");
        using PerceptualDistance distance = PerceptualDistance.Load(Network(name).Path, heads);
        Assert.All(distance.Measure(Pictures(1), Pictures(2)), value => Assert.True(value > 0));
    }

    [Fact]
    public void Other_files_and_small_pictures_are_refused_and_nothing_stays_behind()
    {
        using var scope = NewDisposeScope();
        using PerceptualDistance distance = Load("alex");
        Tensor first = Pictures(1), second = Pictures(2);
        Living.StaysConstant(() => distance.Measure(first, second), repeats: 3);
        Assert.Throws<ArgumentException>(() => distance.Measure(zeros(1, 3, 16, 16), zeros(1, 3, 16, 16)));
        Assert.Throws<ArgumentException>(() => distance.Measure(zeros(1, 1, 32, 32), zeros(1, 1, 32, 32)));

        string alex = _folder.File("alex.safetensors"), heads = _folder.File("alex-heads.safetensors");
        Assert.Contains("none of AlexNet, VGG16 and SqueezeNet", Assert.Throws<InvalidDataException>(() => PerceptualDistance.Load(heads, heads)).Message, StringComparison.Ordinal);
        Assert.Contains("does not hold the heads for AlexNet: 'lin0.model.1.weight'", Assert.Throws<InvalidDataException>(() => PerceptualDistance.Load(alex, alex)).Message, StringComparison.Ordinal);
    }

    private static Tensor Pictures(int seed)
    {
        using var generator = new Generator((ulong)seed);
        return rand([2, 3, 40, 40], generator: generator).Times(2).Plus(-1);
    }

    private PerceptualDistance Load(string name)
    {
        (string path, IReadOnlyList<int> widths) = Network(name);
        string heads = _folder.File($"{name}-heads.safetensors");
        using var generator = new Generator(5);
        SafetensorsWriter.Write(heads, widths.Select((width, layer) => KeyValuePair.Create($"lin{layer}.model.1.weight", rand([1, width, 1, 1], generator: generator))));
        return PerceptualDistance.Load(path, heads);
    }

    private (string Path, IReadOnlyList<int> Widths) Network(string name)
    {
        using var generator = new Generator(4);
        using PerceptualBackbone network = (name switch { "alex" => PerceptualBackbone.Alex(), "vgg" => PerceptualBackbone.Vgg(), _ => PerceptualBackbone.Squeeze() }).Initialize(generator);
        string path = _folder.File($"{name}.safetensors");
        var classifier = KeyValuePair.Create("classifier.1.weight", zeros(2, 2));
        SafetensorsWriter.Write(path, network.state_dict().Append(classifier));
        return (path, network.Widths);
    }
}
