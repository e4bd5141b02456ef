namespace Millrace.Runtime.Programs;

/// <summary>A back-end cannot compile a part.</summary>
/// <param name="reason">Why, as the end of a sentence.</param>
/// <param name="inner">What went wrong beneath.</param>
public sealed class PartNotCompiledException(string reason, Exception? inner = null) : Exception(reason, inner);
