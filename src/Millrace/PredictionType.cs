namespace Millrace;

/// <summary>What the raw output of a network means, for x_t = a x_0 + b e.</summary>
public enum PredictionType
{
    /// <summary>The noise e (Ho et al. 2020, arXiv 2006.11239).</summary>
    Epsilon,

    /// <summary>The velocity v = a e - b x_0 (Salimans and Ho 2022, arXiv 2202.00512).</summary>
    VPrediction,

    /// <summary>The clean sample x_0.</summary>
    Sample,

    /// <summary>The flow velocity e - x_0 (rectified flow, arXiv 2209.03003).</summary>
    Flow,

    /// <summary>The F of EDM, x_0 = c_skip x + c_out F (Karras et al. 2022, arXiv 2206.00364, table 1): -v for data scaled to unit variance.</summary>
    Edm,
}
