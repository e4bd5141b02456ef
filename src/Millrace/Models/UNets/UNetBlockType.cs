namespace Millrace.Models.UNets;

/// <summary>What one resolution of the U-Net is made of.</summary>
public enum UNetBlockType
{
    /// <summary>Residual blocks only (<c>DownBlock2D</c>, <c>UpBlock2D</c>).</summary>
    Plain,

    /// <summary>Each residual block is followed by attention to itself and to the text (<c>CrossAttnDownBlock2D</c>, <c>CrossAttnUpBlock2D</c>).</summary>
    CrossAttention,

    /// <summary>Each residual block is followed by attention to itself (<c>AttnDownBlock2D</c>, <c>AttnUpBlock2D</c>).</summary>
    SelfAttention,
}
