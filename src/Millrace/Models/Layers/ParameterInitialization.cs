using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Layers;

/// <summary>Draws the first values of a network that is to be trained.</summary>
public static class ParameterInitialization
{
    /// <summary>
    /// Draws weight and bias of every <see cref="Convolution2d"/> and <see cref="Linear"/> from
    /// U(-1/sqrt(fan in), 1/sqrt(fan in)) (LeCun), that of every <see cref="Embedding"/> from N(0, 0.02^2) (CLIP), and sets
    /// normalizations to the identity.
    /// </summary>
    /// <param name="module">The network; changed in place.</param>
    /// <param name="generator">Source of all randomness, on the device of the parameters.</param>
    /// <returns><paramref name="module"/>.</returns>
    public static T Initialize<T>(this T module, Generator generator)
        where T : Module
    {
        using IDisposable _ = no_grad();
        foreach (Module child in module.modules().Prepend(module).Distinct())
        {
            switch (child)
            {
                case Convolution2d layer:
                    Draw(layer.Weight, layer.Bias, generator);
                    break;
                case Linear layer:
                    Draw(layer.Weight, layer.Bias, generator);
                    break;
                case Embedding layer:
                    Fill(layer.Weight, values => values.normal_(0, 0.02, generator));
                    break;
                case GroupNormalization layer:
                    layer.SetIdentity();
                    break;
                case GroupNorm layer:
                    layer.weight?.Fill(1);
                    layer.bias?.Fill(0);
                    break;
                case LayerNorm layer:
                    layer.weight?.Fill(1);
                    layer.bias?.Fill(0);
                    break;
                case RootMeanSquareNorm layer:
                    layer.SetIdentity();
                    break;
            }
        }

        return module;
    }

    private static void Draw(Tensor weight, Tensor? bias, Generator generator)
    {
        double bound = 1 / Math.Sqrt((double)weight.numel() / weight.shape[0]);
        Fill(weight, values => values.uniform_(-bound, bound, generator));
        if (bias is not null)
        {
            Fill(bias, values => values.uniform_(-bound, bound, generator));
        }
    }

    // Drawn on the CPU, where the generator lives: the same weights on every device.
    private static void Fill(Tensor parameter, Action<Tensor> draw)
    {
        using var scope = NewDisposeScope();
        Tensor values = empty(parameter.shape);
        draw(values);
        parameter.copy_(values);
    }
}
