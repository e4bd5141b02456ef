namespace Millrace.Benchmarks;

/// <summary>A picture that came back.</summary>
/// <param name="Id">Of the frame that it answers.</param>
/// <param name="RoundTrip">Milliseconds from sending that frame to having the picture.</param>
/// <param name="Engine">Of these, the ones for which the engine says it had the frame.</param>
internal readonly record struct ServedPicture(long Id, double RoundTrip, double Engine);
