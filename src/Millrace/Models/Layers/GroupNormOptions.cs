namespace Millrace.Models.Layers;

/// <summary>What all group normalizations of one network share.</summary>
/// <param name="Groups">Number of groups; divides the channels.</param>
/// <param name="Epsilon">Added to the variance.</param>
internal readonly record struct GroupNormOptions(int Groups, double Epsilon)
{
    public GroupNormalization Create(int channels, TensorOptions tensors) => new(this, channels, tensors);
}
