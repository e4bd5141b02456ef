namespace Millrace.Models.Layers;

/// <summary>Which parts an attention of windows and pooled tokens has.</summary>
public enum RegionalAttentionMode
{
    /// <summary>Both, mixed head by head with a learned share.</summary>
    Both,

    /// <summary>Windows alone.</summary>
    Windows,

    /// <summary>Pooled tokens alone.</summary>
    Pooled,
}
