namespace Millrace.Compiler;

/// <summary>A part cannot be written as operators, and will run uncompiled.</summary>
internal sealed class NotDescribedException(string what) : Exception(what);
