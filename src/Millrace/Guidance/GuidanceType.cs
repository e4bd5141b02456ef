namespace Millrace.Guidance;

/// <summary>Where the negative prediction of classifier-free guidance comes from (Kodaira et al. 2023, arXiv 2312.12491, section 3.2).</summary>
public enum GuidanceType
{
    /// <summary>No guidance: the conditional prediction as it is.</summary>
    None,

    /// <summary>Classifier-free guidance (Ho and Salimans 2022, arXiv 2207.12598): every row is predicted twice.</summary>
    Full,

    /// <summary>Residual guidance: the negative is the noise that would lead back to the input, at no cost.</summary>
    Self,

    /// <summary>Residual guidance whose negative starts from one true negative prediction a frame.</summary>
    Initialize,
}
