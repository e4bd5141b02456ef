using static TorchSharp.torch;

namespace Millrace.Streaming.Hub;

/// <summary>Encoded prompts, those asked for least recently forgotten first. For one thread at a time.</summary>
internal sealed class PromptCache(ITextEncoder encoder, int capacity) : IDisposable
{
    private readonly Dictionary<string, LinkedListNode<(string Prompt, Conditioning Encoded)>> _known = [];
    private readonly LinkedList<(string Prompt, Conditioning Encoded)> _byUse = []; // most recent first

    /// <summary>The prompt and its negative; the caller's to dispose.</summary>
    public StreamPrompt Get(string prompt, string negativePrompt)
    {
        using var scope = NewDisposeScope();
        return new StreamPrompt(Encode(prompt).Select(part => part.clone()), Encode(negativePrompt).Select(part => part.clone()));
    }

    public void Dispose()
    {
        foreach ((_, Conditioning encoded) in _byUse)
        {
            encoded.Dispose();
        }
    }

    private Conditioning Encode(string prompt)
    {
        if (_known.TryGetValue(prompt, out LinkedListNode<(string Prompt, Conditioning Encoded)>? node))
        {
            _byUse.Remove(node);
        }
        else
        {
            node = new((prompt, encoder.Encode([prompt]).Select(part => part.DetachFromDisposeScope())));
            _known.Add(prompt, node);
        }

        _byUse.AddFirst(node);
        if (_byUse.Count > capacity)
        {
            (string oldest, Conditioning encoded) = _byUse.Last!.Value;
            _byUse.RemoveLast();
            _known.Remove(oldest);
            encoded.Dispose();
        }

        return node.Value.Encoded;
    }
}
