namespace Millrace.Models.Layers;

/// <summary>A layer y = x + f(x) that a network can do without: y = x. One that changes the shape keeps what fits x to the sum.</summary>
internal interface IResidualLayer
{
    /// <summary>Whether x has the shape of y.</summary>
    bool KeepsShape { get; }

    /// <summary>Names of the parts whose outputs f is the sum of: where all of these are 0, so is f.</summary>
    IReadOnlyList<string> Ends { get; }

    /// <summary>Takes f out, parameters and all, for good.</summary>
    void Remove();
}
