namespace Millrace.Runtime.Programs;

/// <summary>A program that cannot be compiled, or a call that it does not allow. The message is one sentence: what, where, what is allowed.</summary>
/// <param name="message">The sentence.</param>
/// <param name="inner">What went wrong beneath.</param>
public sealed class ProgramException(string message, Exception? inner = null) : Exception(message, inner);
