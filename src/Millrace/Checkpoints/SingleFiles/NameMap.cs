namespace Millrace.Checkpoints.SingleFiles;

/// <summary>One line of a name map. It holds for a tensor of the name, and for all tensors of a module of the name.</summary>
/// <param name="Single">Name in the single file.</param>
/// <param name="Folder">Names in the folder; several where the file holds them as one, row upon row.</param>
/// <param name="Shares">How many parts of the rows each of several has.</param>
/// <param name="Change">How the values stand.</param>
internal sealed record NameRule(string Single, IReadOnlyList<string> Folder, IReadOnlyList<int> Shares, Rearrangement Change);

/// <summary>The names of one network in a single file, and in a folder; the same lines are read both ways. The longest name that fits counts.</summary>
internal sealed class NameMap
{
    private readonly Dictionary<string, NameRule> _bySingle = new(StringComparer.Ordinal);
    private readonly Dictionary<string, NameRule> _byFolder = new(StringComparer.Ordinal);

    /// <summary>A network that has the same names in both.</summary>
    public static NameMap Same => new NameMap().Add("", "");

    /// <summary>One name for one.</summary>
    public NameMap Add(string single, string folder, Rearrangement change = Rearrangement.None) => Add(new NameRule(single, [folder], [1], change));

    /// <summary>One name for several of equal size.</summary>
    public NameMap Split(string single, params string[] folder) => Add(new NameRule(single, folder, [.. folder.Select(_ => 1)], Rearrangement.None));

    /// <summary>Adds a line.</summary>
    public NameMap Add(NameRule rule)
    {
        _bySingle.Add(rule.Single, rule);
        foreach (string name in rule.Folder)
        {
            _byFolder.Add(name, rule);
        }

        return this;
    }

    /// <summary>The line for a name in the single file, and what of the name comes after; null where there is none.</summary>
    public (NameRule Rule, string Tail)? OfSingle(string name) => Longest(_bySingle, name);

    /// <summary>The line for a name in the folder, and what of the name comes after; null where there is none.</summary>
    public (NameRule Rule, string Tail)? OfFolder(string name) => Longest(_byFolder, name);

    private static (NameRule Rule, string Tail)? Longest(Dictionary<string, NameRule> rules, string name)
    {
        for (int end = name.Length; end > 0; end = name.LastIndexOf('.', end - 1))
        {
            if (rules.TryGetValue(name[..end], out NameRule? rule))
            {
                return (rule, name[end..]);
            }
        }

        // What stands for everything has an empty name, after which the dot is missing too.
        return rules.TryGetValue("", out NameRule? all) ? (all, name) : null;
    }
}
