namespace Millrace.Training;

/// <summary>How the learning rate goes from its peak after the warm-up to its last value.</summary>
public enum LearningRateShape
{
    /// <summary>Along a half cosine (Loshchilov and Hutter 2016, arXiv 1608.03983).</summary>
    Cosine,

    /// <summary>Along a straight line.</summary>
    Linear,

    /// <summary>As 1 / sqrt(step), from the end of the warm-up (Vaswani et al. 2017, arXiv 1706.03762); never below its last value.</summary>
    InverseSquareRoot,
}
