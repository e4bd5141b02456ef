namespace Millrace.Server.Images;

/// <summary>Where a job stands.</summary>
internal enum JobState
{
    Accepted,
    Running,
    Finished,
    Failed,
    Cancelled,
}

/// <summary>What is kept of a job. Prompts and pictures are not.</summary>
/// <param name="Id">Random.</param>
/// <param name="Client">Whose it is.</param>
/// <param name="State">Where it stands.</param>
/// <param name="At">Since when.</param>
/// <param name="Pictures">How many it is to give.</param>
/// <param name="Error">Why it failed; null otherwise.</param>
internal sealed record JobRecord(string Id, string Client, JobState State, DateTimeOffset At, int Pictures, string? Error = null)
{
    public bool Ended => State is JobState.Finished or JobState.Failed or JobState.Cancelled;
}
