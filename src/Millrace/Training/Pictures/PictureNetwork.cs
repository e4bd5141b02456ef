namespace Millrace.Training.Pictures;

/// <summary>How large the networks are.</summary>
public enum PictureNetwork
{
    /// <summary>For a first try: about half a million parameters.</summary>
    Tiny,

    /// <summary>As that of the shipped model.</summary>
    Small,

    /// <summary>Four times as many parameters; for an accelerator, or for patience.</summary>
    Medium,
}
