namespace Millrace.Training;

/// <summary>A loss, or a gradient, stopped being a number.</summary>
/// <param name="message">The step, the loss, the batch's samples and the last good checkpoint.</param>
/// <param name="inner">What was found.</param>
public sealed class DivergedException(string message, Exception inner) : Exception(message, inner);
