using Millrace.Models.TextEncoders;
using static TorchSharp.torch;

namespace Millrace.Checkpoints.Adapters;

/// <summary>
/// The words that a model was taught by textual inversion: each stands in a prompt for vectors of its own. Not to be changed
/// while a prompt is encoded; prompts that were encoded before stay as they are.
/// </summary>
public sealed class TextualInversionSet : IDisposable
{
    private readonly string _model;
    private readonly IReadOnlyList<ClipTextEncoder> _encoders;
    private readonly bool _xl;
    private readonly List<TextualInversion> _all = [];

    internal TextualInversionSet(string model, ITextEncoder encoder)
    {
        (_model, _xl) = (model, encoder is StableDiffusionXLTextEncoder);
        _encoders = encoder switch
        {
            ClipTextEncoder one => [one],
            StableDiffusionXLTextEncoder several => several.Encoders,
            _ => [],
        };
    }

    /// <summary>Those that the model knows, in the order of adding.</summary>
    public IReadOnlyList<TextualInversion> All => _all;

    /// <summary>Teaches the model a word.</summary>
    /// <param name="path">A safetensors file, or one that <c>torch.save</c> wrote.</param>
    /// <param name="token">What stands for it in prompts, whatever its case; null for the word that the file names, or else the name of the file without its extension.</param>
    /// <exception cref="FileNotFoundException">Where there is no such file.</exception>
    /// <exception cref="ArgumentException">Where the word is empty or known already, or the model has no text encoder that takes one.</exception>
    /// <exception cref="InvalidDataException">Where the file is no textual inversion, or one for another base: the message says which widths are needed. The model is as before.</exception>
    public TextualInversion Add(string path, string? token = null)
    {
        if (_encoders.Count == 0)
        {
            throw new ArgumentException($"Textual inversion works on the text encoders of Stable Diffusion 1.x, 2.x and SDXL; the model '{_model}' is of another family.", nameof(path));
        }

        using TensorFile file = TensorFile.Open(path);
        string word = (token ?? TextualInversionFile.Token(file) ?? Path.GetFileNameWithoutExtension(path)).Trim();
        if (word.Length == 0 || _encoders[0].Words.Contains(word))
        {
            throw new ArgumentException($"The word of '{path}' must be one that the model '{_model}' was not taught yet, got \"{word}\".", nameof(token));
        }

        using var scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        IReadOnlyList<Tensor> vectors = TextualInversionFile.Read(file, [.. _encoders.Select(encoder => encoder.Options.HiddenSize)], _xl);
        foreach ((ClipTextEncoder encoder, Tensor own) in _encoders.Zip(vectors))
        {
            encoder.Words.Add(word, own.to(encoder.Device));
        }

        var added = new TextualInversion(path, word, (int)vectors[0].shape[0]);
        _all.Add(added);
        return added;
    }

    /// <summary>Releases the vectors.</summary>
    public void Dispose()
    {
        foreach (ClipTextEncoder encoder in _encoders)
        {
            encoder.Words.Dispose();
        }
    }
}
