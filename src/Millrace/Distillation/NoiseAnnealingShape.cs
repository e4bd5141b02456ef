namespace Millrace.Distillation;

/// <summary>How the share of independent noise falls over K steps.</summary>
public enum NoiseAnnealingShape
{
    /// <summary>1 - k / K, then 0.</summary>
    Linear,

    /// <summary>(1 + cos(pi k / K)) / 2, then 0.</summary>
    Cosine,

    /// <summary>exp(-k / K), never 0.</summary>
    Exponential,
}
