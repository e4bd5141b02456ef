namespace Millrace.Runtime.Programs.Backends;

/// <summary>A part that runs.</summary>
public interface ICompiledPart : IDisposable
{
    /// <summary>
    /// Runs it. What is given back is in the dispose scope of the caller and stays as it is when the part runs again: a back-end with
    /// buffers of its own copies them.
    /// </summary>
    /// <param name="inputs">In the order of the part; they stay the caller's.</param>
    Value[] Run(Value[] inputs);
}
