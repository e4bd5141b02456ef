using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;

namespace Millrace.Cli.Commands;

/// <summary>How the values of options are read; a wrong one is one clear sentence.</summary>
internal static class OptionExtensions
{
    /// <summary>Accepts the names of an enumeration, whatever their case, and lists them in the help; numbers are no names.</summary>
    public static Option<T> AmongNames<T>(this Option<T> option)
        where T : struct, Enum
    {
        option.HelpName = string.Join('|', NamesOf<T>());
        option.CompletionSources.Add(NamesOf<T>());
        option.CustomParser = result => result.ReadName<T>() ?? default;
        return option;
    }

    /// <summary>Accepts the names of an enumeration, whatever their case, and lists them in the help; numbers are no names.</summary>
    public static Option<T?> AmongNames<T>(this Option<T?> option)
        where T : struct, Enum
    {
        option.HelpName = string.Join('|', NamesOf<T>());
        option.CompletionSources.Add(NamesOf<T>());
        option.CustomParser = ReadName<T>;
        return option;
    }

    /// <summary>Accepts a whole number from <paramref name="least"/> on.</summary>
    public static Option<T> Whole<T>(this Option<T> option, T least)
        where T : struct, IBinaryInteger<T>
    {
        option.CustomParser = result => result.ReadWhole(least) ?? default;
        return option;
    }

    /// <summary>Accepts a whole number from <paramref name="least"/> on.</summary>
    public static Option<T?> Whole<T>(this Option<T?> option, T least)
        where T : struct, IBinaryInteger<T>
    {
        option.CustomParser = result => result.ReadWhole(least);
        return option;
    }

    /// <summary>Accepts a number.</summary>
    public static Option<double> Number(this Option<double> option)
    {
        option.CustomParser = result => result.ReadNumber() ?? default;
        return option;
    }

    /// <summary>Accepts a number.</summary>
    public static Option<double?> Number(this Option<double?> option)
    {
        option.CustomParser = ReadNumber;
        return option;
    }

    private static string[] NamesOf<T>()
        where T : struct, Enum => [.. Enum.GetValues<T>().Select(value => value.ToString().ToLowerInvariant())];

    private static T? ReadName<T>(this ArgumentResult result)
        where T : struct, Enum => result.Read<T>(
        $"one of {string.Join(", ", NamesOf<T>())}", word => NamesOf<T>().Contains(word.ToLowerInvariant()) && Enum.TryParse(word, ignoreCase: true, out T value) ? value : null);

    private static double? ReadNumber(this ArgumentResult result) => result.Read<double>(
        "a number", word => double.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value : null);

    private static T? ReadWhole<T>(this ArgumentResult result, T least)
        where T : struct, IBinaryInteger<T> => result.Read<T>(
        least > T.Zero ? $"a whole number of at least {least}" : "a whole number",
        word => T.TryParse(word, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out T value) && value >= least ? value : null);
}
