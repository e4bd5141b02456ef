namespace Millrace.Models.UNets;

/// <summary>What stands between the way down and the way up.</summary>
public enum UNetMidBlockType
{
    /// <summary>Residual block, attention to itself and to the text, residual block (<c>UNetMidBlock2DCrossAttn</c>).</summary>
    CrossAttention,

    /// <summary>One residual block (<c>UNetMidBlock2D</c>).</summary>
    Plain,

    /// <summary>Nothing.</summary>
    None,
}
