using System.Globalization;
using static TorchSharp.torch;

namespace Millrace.Models.TextEncoders;

/// <summary>Prompts for networks that are conditional on classes: the number of a class or one of its names; the empty prompt stands for no class.</summary>
public sealed class ClassLabelEncoder : ITextEncoder
{
    private readonly int _classes;
    private readonly Dictionary<string, int> _names = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Describes the classes.</summary>
    /// <param name="classes">Their number; the one behind the last stands for none.</param>
    /// <param name="names">Names of each class by its number, several joined by commas; may be empty.</param>
    /// <exception cref="ArgumentException">Where a number is outside 0 to <paramref name="classes"/> less 1.</exception>
    public ClassLabelEncoder(int classes, IReadOnlyDictionary<int, string> names)
    {
        _classes = classes;
        foreach ((int number, string list) in names)
        {
            if (number < 0 || number >= classes)
            {
                throw new ArgumentException($"Classes must be in 0..{classes - 1}, got {number}.", nameof(names));
            }

            foreach (string name in list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            {
                _names.TryAdd(name, number);
            }
        }
    }

    /// <summary>Number of classes.</summary>
    public int Classes => _classes;

    /// <inheritdoc/>
    public Conditioning Encode(IReadOnlyList<string> prompts) =>
        Conditioning.WithoutText(prompts.Count) with { ClassLabels = tensor(prompts.Select(Label).ToArray(), dtype: int64) };

    /// <inheritdoc/>
    public bool Truncates(string prompt, out int tokensLeftOut)
    {
        tokensLeftOut = 0;
        return false;
    }

    private long Label(string prompt)
    {
        string word = prompt.Trim();
        return word.Length == 0 ? _classes
            : int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number < _classes ? number
            : _names.TryGetValue(word, out int named) ? named
            : throw new ArgumentException($"This model draws classes: the prompt must be a number in 0..{_classes - 1}{(_names.Count > 0 ? " or the name of a class" : "")}, got \"{prompt}\".", nameof(prompt));
    }
}
