namespace Millrace.Models.TextEncoders;

/// <summary>A token and how much it counts; 1 is as much as in a plain prompt.</summary>
internal readonly record struct ClipToken(int Id, double Weight);

/// <summary>What a text model reads at once of a prompt: at most as many tokens as it has positions between start and end.</summary>
internal static class ClipWindow
{
    /// <summary>Cuts a prompt into windows, each as full as can be; what belongs together goes into one where it fits into any.</summary>
    /// <param name="pieces">Tokens that belong together.</param>
    /// <param name="limit">Tokens of a window.</param>
    /// <returns>At least one window.</returns>
    public static IReadOnlyList<IReadOnlyList<ClipToken>> Cut(IEnumerable<IReadOnlyList<ClipToken>> pieces, int limit)
    {
        List<List<ClipToken>> windows = [[]];
        foreach (IReadOnlyList<ClipToken> piece in pieces)
        {
            if (windows[^1].Count + piece.Count > limit && piece.Count <= limit)
            {
                windows.Add([]);
            }

            foreach (ClipToken token in piece)
            {
                if (windows[^1].Count == limit)
                {
                    windows.Add([]);
                }

                windows[^1].Add(token);
            }
        }

        return windows;
    }
}
