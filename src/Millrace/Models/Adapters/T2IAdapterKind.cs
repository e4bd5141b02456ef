namespace Millrace.Models.Adapters;

/// <summary>The shapes of a <see cref="T2IAdapterModel"/>.</summary>
public enum T2IAdapterKind
{
    /// <summary>For Stable Diffusion: one resolution for each width, each half of the one before.</summary>
    Full,

    /// <summary>For SDXL: the first two widths share a resolution, as do the last two.</summary>
    FullXl,

    /// <summary>Narrow blocks between projections, and one more resolution at the end: the adapters of colours.</summary>
    Light,
}
