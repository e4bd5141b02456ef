namespace Millrace.Streaming;

/// <summary>Frames that entered together, with the prompt and the levels under which they did.</summary>
/// <param name="FrameIds">Their ids; none where the group only fills the batch.</param>
/// <param name="Prompt">Used, not owned.</param>
/// <param name="Levels">The noise levels that they walk through.</param>
internal sealed record StreamGroup(IReadOnlyList<long> FrameIds, StreamPrompt Prompt, StreamLevels Levels);
