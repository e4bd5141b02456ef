using Millrace.Imaging;

namespace Millrace.Streaming.Hub;

/// <summary>A picture that a stream of a hub answered with.</summary>
/// <param name="Frame">The picture, with id and timestamp of the frame that it answers.</param>
/// <param name="Latency">From sending that frame to this picture.</param>
/// <param name="Repeated">Whether the frame was like the one before, and this is its picture once more.</param>
/// <param name="Steps">Steps in force: fewer than asked for where the latency target called for it.</param>
public sealed record HubFrame(Frame Frame, TimeSpan Latency, bool Repeated, int Steps);
