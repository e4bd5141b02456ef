namespace Millrace.Imaging;

/// <summary>How a picture of one shape fills another.</summary>
public enum FitMode
{
    /// <summary>Whole picture, with bars where the shapes differ.</summary>
    Letterbox,

    /// <summary>Whole target, with the picture cut where the shapes differ.</summary>
    Crop,

    /// <summary>Whole picture and whole target, out of proportion where the shapes differ.</summary>
    Stretch,
}
