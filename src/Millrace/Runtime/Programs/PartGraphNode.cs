namespace Millrace.Runtime.Programs;

/// <summary>One operator of a <see cref="PartGraph"/>.</summary>
/// <param name="Operator">Its name in libtorch.</param>
/// <param name="Arguments">Its arguments, in their order there.</param>
/// <param name="Result">The value that it gives.</param>
public sealed record PartGraphNode(string Operator, IReadOnlyList<GraphArgument> Arguments, GraphArgument Result);
