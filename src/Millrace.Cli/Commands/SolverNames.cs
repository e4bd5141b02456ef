using System.CommandLine.Parsing;
using Millrace.Checkpoints.Schedulers;
using Millrace.Processes;

namespace Millrace.Cli.Commands;

/// <summary>A solver by name, and how its noise levels fall.</summary>
internal sealed record NamedSolver(SolverKind Kind, SigmaSpacing? Spacing);

/// <summary>The names under which users know the solvers; "-karras" and "-exponential" behind many of them say how the noise levels fall.</summary>
internal static class SolverNames
{
    private static readonly (string Name, SolverKind Kind, string Description)[] All =
    [
        ("euler", SolverKind.Euler, "Euler; for flows too"),
        ("euler-a", SolverKind.EulerAncestral, "Euler ancestral"),
        ("heun", SolverKind.Heun, "Heun, two network calls a step; for flows too"),
        ("dpm2", SolverKind.Dpm2, "DPM2, two network calls a step"),
        ("dpm2-a", SolverKind.Dpm2Ancestral, "DPM2 ancestral, two network calls a step"),
        ("lms", SolverKind.Lms, "linear multistep"),
        ("ddim", SolverKind.Ddim, "DDIM"),
        ("ddpm", SolverKind.Ddpm, "DDPM"),
        ("pndm", SolverKind.Pndm, "PNDM, with a Runge-Kutta start"),
        ("plms", SolverKind.Plms, "PNDM without it"),
        ("dpmpp-2m", SolverKind.DpmPlusPlus2M, "DPM-Solver++ 2M"),
        ("dpmpp-3m", SolverKind.DpmPlusPlus3M, "DPM-Solver++ 3M"),
        ("dpmpp-2m-sde", SolverKind.DpmPlusPlus2MStochastic, "DPM-Solver++ 2M SDE"),
        ("dpmpp-3m-sde", SolverKind.DpmPlusPlus3MStochastic, "DPM-Solver++ 3M SDE"),
        ("dpmpp-2s", SolverKind.DpmPlusPlus2S, "DPM-Solver++ 2S"),
        ("dpmpp-sde", SolverKind.DpmPlusPlusStochastic, "DPM-Solver++ SDE, two network calls a step"),
        ("deis", SolverKind.Deis, "DEIS"),
        ("unipc", SolverKind.UniPC, "UniPC"),
        ("lcm", SolverKind.Lcm, "consistency sampling, for models distilled to it; for flows too"),
        ("tcd", SolverKind.Tcd, "trajectory consistency sampling, for models distilled to it"),
        ("restart", SolverKind.Restart, "Restart"),
        ("rk45", SolverKind.RungeKutta45, "adaptive Runge-Kutta; takes as many steps as it needs; for flows too"),
    ];

    private static readonly (string Suffix, SigmaSpacing Spacing)[] Spacings = [("-karras", SigmaSpacing.Karras), ("-exponential", SigmaSpacing.Exponential)];

    /// <summary>One line for each solver.</summary>
    public static IEnumerable<string> Lines() => All.Select(entry => $"{entry.Name,-14}{entry.Description}")
        .Append($"{string.Join(" or ", Spacings.Select(entry => entry.Suffix))} behind a name, such as dpmpp-2m-karras, lays the noise levels out that way.");

    /// <summary>The name of a solver, for messages.</summary>
    public static string NameOf(SolverKind kind) => All.Single(entry => entry.Kind == kind).Name;

    /// <summary>Reads a name; a wrong one is one sentence.</summary>
    public static NamedSolver? Parse(ArgumentResult result)
    {
        string word = result.Tokens[^1].Value, name = word.ToLowerInvariant().Replace('_', '-').Replace("++", "pp", StringComparison.Ordinal);
        SigmaSpacing? spacing = null;
        foreach ((string suffix, SigmaSpacing known) in Spacings.Where(entry => name.EndsWith(entry.Suffix, StringComparison.Ordinal)))
        {
            (name, spacing) = (name[..^suffix.Length], known);
        }

        (string Name, SolverKind Kind, string)[] found = [.. All.Where(entry => entry.Name == name)];
        if (found.Length == 0)
        {
            result.AddError($"--solver must be one of {string.Join(", ", All.Select(entry => entry.Name))}; got \"{word}\".");
            return null;
        }

        return new NamedSolver(found[0].Kind, spacing);
    }
}
