namespace Millrace.Evaluation;

/// <summary>What a judge is made of: two that see in different ways disagree where a figure is the judge's own.</summary>
public enum JudgeArchitecture
{
    /// <summary><see cref="ConvolutionalClassifier"/>.</summary>
    Convolutions,

    /// <summary><see cref="MixingClassifier"/>.</summary>
    Mixing,
}
