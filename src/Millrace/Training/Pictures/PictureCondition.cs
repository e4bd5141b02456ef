namespace Millrace.Training.Pictures;

/// <summary>What a model of one's own pictures is asked with.</summary>
public enum PictureCondition
{
    /// <summary>Nothing: it draws more of the same.</summary>
    None,

    /// <summary>A class: the caption, or, where there are no captions, the sub-folder that a picture stands in.</summary>
    Class,

    /// <summary>A prompt, learned from the captions.</summary>
    Text,
}
