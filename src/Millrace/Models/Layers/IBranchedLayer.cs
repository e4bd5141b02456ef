namespace Millrace.Models.Layers;

/// <summary>A layer with units side by side, of which a network can have fewer.</summary>
internal interface IBranchedLayer
{
    /// <summary>The units; null where this layer's cannot be told apart.</summary>
    LayerBranch? Branch { get; }

    /// <summary>Gives the layer another number of units; the parameters concerned have no values then.</summary>
    /// <param name="units">At least 0, at most as many as there are.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    void Keep(int units, TensorOptions tensors);
}
