using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Training;

/// <summary>
/// All trainable parameters of a network as one float32 vector, of which each parameter is a view, and their gradients as
/// another. Optimizer, average and checkpoint are then a few operations on vectors, however many layers there are.
/// </summary>
public sealed class ParameterVector : IDisposable
{
    private readonly (Parameter Parameter, long Start)[] _parts;

    /// <summary>Moves the parameters of <paramref name="network"/> into one vector; their values stay.</summary>
    /// <param name="network">The network; its parameters must be float32, all on one device. It stays the caller's.</param>
    public ParameterVector(Module network)
    {
        using IDisposable _ = no_grad();
        var parts = new List<(Parameter, long)>();
        long length = 0;
        Device device = network.parameters().First().device;
        foreach ((string name, Parameter parameter) in network.named_parameters())
        {
            if (parameter.dtype != ScalarType.Float32)
            {
                throw new ArgumentException($"Parameter '{name}' is {parameter.dtype}; training needs float32.", nameof(network));
            }

            parts.Add((parameter, length));
            length += parameter.numel();
        }

        _parts = [.. parts];
        Values = empty(length, device: device).DetachFromDisposeScope();
        Gradients = zeros(length, device: device).DetachFromDisposeScope();
        foreach ((Parameter parameter, long start) in _parts)
        {
            using Tensor view = View(Values, parameter, start);
            view.copy_(parameter);
            parameter.set_(view);
            using Tensor gradient = View(Gradients, parameter, start);
            parameter.grad = gradient;
        }
    }

    /// <summary>[length], float32.</summary>
    public Tensor Values { get; }

    /// <summary>[length], float32; a backward pass adds to it.</summary>
    public Tensor Gradients { get; }

    /// <summary>Number of parameters.</summary>
    public long Length => Values.shape[0];

    /// <summary>Where a parameter begins in the vector; null where it is none of its own.</summary>
    public long? Find(Parameter parameter)
    {
        foreach ((Parameter own, long start) in _parts)
        {
            if (ReferenceEquals(own, parameter))
            {
                return start;
            }
        }

        return null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach ((Parameter parameter, long _) in _parts)
        {
            parameter.grad = null;
        }

        Values.Dispose();
        Gradients.Dispose();
    }

    private static Tensor View(Tensor vector, Parameter parameter, long start)
    {
        using Tensor part = vector.narrow(0, start, parameter.numel());
        return part.view(parameter.shape);
    }
}
