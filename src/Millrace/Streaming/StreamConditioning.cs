using static TorchSharp.torch;

namespace Millrace.Streaming;

/// <summary>The prompts of a batch as one conditioning, kept until the composition of the batch changes.</summary>
internal sealed class StreamConditioning : IDisposable
{
    private (IReadOnlyList<StreamPrompt> Groups, int NegativeGroups, Conditioning Rows)? _kept;

    /// <summary>The negatives of the first groups, then the prompts of all, each repeated for the frames of its group. Owned by this.</summary>
    public Conditioning For(IReadOnlyList<StreamPrompt> groups, int negativeGroups, int framesInGroup)
    {
        if (_kept is not { } kept || kept.NegativeGroups != negativeGroups || !kept.Groups.SequenceEqual(groups))
        {
            using var scope = NewDisposeScope();
            IEnumerable<Conditioning> negative = groups.Take(negativeGroups).Select(prompt => prompt.Negative), positive = groups.Select(prompt => prompt.Positive);
            Conditioning rows = Conditioning.Concatenate([.. negative, .. positive]).Select(part => part.repeat_interleave(framesInGroup, 0).DetachFromDisposeScope());
            Dispose();
            _kept = kept = (groups, negativeGroups, rows);
        }

        return kept.Rows;
    }

    public bool Uses(StreamPrompt prompt) => _kept?.Groups.Contains(prompt) ?? false;

    public void Dispose()
    {
        _kept?.Rows.Dispose();
        _kept = null;
    }
}
