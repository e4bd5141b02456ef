namespace Millrace.Runtime.Programs;

/// <summary>What became of one part.</summary>
/// <param name="Name">Its blocks.</param>
/// <param name="Runs">Who runs it: the host, or the back-end, or "eager".</param>
/// <param name="Variants">How many variants were compiled so far.</param>
/// <param name="Uncompiled">Why it runs uncompiled, all or some of the time; null where it does not.</param>
/// <param name="Nodes">How many nodes share it.</param>
public sealed record PartReport(string Name, string Runs, int Variants, string? Uncompiled, int Nodes);
