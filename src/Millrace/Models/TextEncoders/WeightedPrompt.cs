using System.Globalization;
using System.Text.RegularExpressions;

namespace Millrace.Models.TextEncoders;

/// <summary>
/// A prompt in which brackets say how much a part counts: <c>(word)</c> 1.1 times as much, <c>[word]</c> as much less, <c>(word:1.3)</c>
/// 1.3 times; brackets within brackets multiply. A backslash before a bracket, or before another backslash, makes it a plain
/// character. A bracket that is never closed reaches to the end; one that was never opened is a plain character. Weights beyond 10 and -10 count as these.
/// </summary>
internal static partial class WeightedPrompt
{
    private const double Emphasis = 1.1, Largest = 10;

    /// <summary>The text without its marks, in stretches of one weight; empty for the empty prompt.</summary>
    public static IReadOnlyList<(string Text, double Weight)> Parse(string prompt)
    {
        var marked = new Marked();
        for (int index = 0; index < prompt.Length;)
        {
            index += marked.Read(prompt, index);
        }

        return marked.Stretches();
    }

    [GeneratedRegex(@"\G:\s*(?<weight>[+-]?(\d+(\.\d*)?|\.\d+))\s*\)", RegexOptions.ExplicitCapture)]
    private static partial Regex Weight();

    /// <summary>Characters with their weights, and where the brackets were opened that are still open.</summary>
    private sealed class Marked
    {
        private readonly List<(char Character, double Weight)> _characters = [];
        private readonly Stack<int> _round = [], _square = [];

        /// <summary>Reads one character, or one mark; how many characters that took.</summary>
        public int Read(string prompt, int index)
        {
            char character = prompt[index];
            if (character == '\\' && index + 1 < prompt.Length && prompt[index + 1] is '(' or ')' or '[' or ']' or '\\')
            {
                return Add(prompt[index + 1], length: 2);
            }

            if (_round.Count > 0 && Weight().Match(prompt, index) is { Success: true } match)
            {
                Multiply(_round, double.Parse(match.Groups["weight"].ValueSpan, CultureInfo.InvariantCulture));
                return match.Length;
            }

            switch (character)
            {
                case '(':
                    _round.Push(_characters.Count);
                    return 1;
                case '[':
                    _square.Push(_characters.Count);
                    return 1;
                case ')' when _round.Count > 0:
                    return Multiply(_round, Emphasis);
                case ']' when _square.Count > 0:
                    return Multiply(_square, 1 / Emphasis);
                default:
                    return Add(character, length: 1);
            }
        }

        public List<(string Text, double Weight)> Stretches()
        {
            while (_round.Count > 0)
            {
                Multiply(_round, Emphasis);
            }

            while (_square.Count > 0)
            {
                Multiply(_square, 1 / Emphasis);
            }

            var stretches = new List<(string Text, double Weight)>();
            for (int start = 0; start < _characters.Count;)
            {
                double weight = _characters[start].Weight;
                char[] same = [.. _characters.Skip(start).TakeWhile(character => character.Weight == weight).Select(character => character.Character)];
                stretches.Add((new string(same), Math.Clamp(weight, -Largest, Largest)));
                start += same.Length;
            }

            return stretches;
        }

        private int Add(char character, int length)
        {
            _characters.Add((character, 1));
            return length;
        }

        private int Multiply(Stack<int> opened, double weight)
        {
            for (int index = opened.Pop(); index < _characters.Count; index++)
            {
                _characters[index] = (_characters[index].Character, _characters[index].Weight * weight);
            }

            return 1;
        }
    }
}
