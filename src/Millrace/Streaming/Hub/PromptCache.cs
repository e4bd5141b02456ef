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
        if (_known.TryGetValue(prompt, out LinkedListNode<(string, Conditioning Encoded)>? found))
        {
            _byUse.Remove(found);
            _byUse.AddFirst(found);
            return found.Value.Encoded;
        }

        Conditioning encoded = encoder.Encode([prompt]).Select(part => part.DetachFromDisposeScope());
        _known.Add(prompt, _byUse.AddFirst((prompt, encoded)));
        if (_byUse.Count > capacity)
        {
            (string forgotten, Conditioning last) = _byUse.Last!.Value;
            _byUse.RemoveLast();
            _known.Remove(forgotten);
            if (last != encoded)
            {
                last.Dispose();
            }
        }

        return encoded;
    }
}
