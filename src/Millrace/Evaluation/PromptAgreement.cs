using static TorchSharp.torch;

namespace Millrace.Evaluation;

/// <summary>Whether pictures show what their captions say, by what a judge calls the reference pictures with those captions.</summary>
public static class PromptAgreement
{
    /// <summary>Measures, over the samples whose caption some reference picture has too.</summary>
    /// <param name="judge">The judge.</param>
    /// <param name="samples">[N, 3, H, W] in [-1, 1].</param>
    /// <param name="captions">One a sample.</param>
    /// <param name="reference">[M, 3, H, W] in [-1, 1].</param>
    /// <param name="referenceCaptions">One a picture.</param>
    /// <returns>How many samples the judge calls as it calls most reference pictures of their caption; null where no caption is shared.</returns>
    public static Proportion? Of(PictureJudge judge, Tensor samples, IReadOnlyList<string> captions, Tensor reference, IReadOnlyList<string> referenceCaptions)
    {
        Dictionary<string, string> expected = judge.Classify(reference).Zip(referenceCaptions)
            .Where(pair => pair.Second.Length > 0)
            .GroupBy(pair => pair.Second, pair => pair.First)
            .ToDictionary(
                group => group.Key, group => group.GroupBy(label => label).OrderByDescending(label => label.Count()).ThenBy(label => label.Key, StringComparer.Ordinal).First().Key);
        (string Found, string Caption)[] asked = [.. judge.Classify(samples).Zip(captions).Where(pair => expected.ContainsKey(pair.Second))];
        return asked.Length == 0 ? null : new Proportion(asked.Count(pair => expected[pair.Caption] == pair.Found), asked.Length);
    }
}
