namespace Millrace.Runtime.Programs;

/// <summary>Marks a field of a dynamic network that one call leaves for the next, as a cache of features does: its host keeps it.</summary>
[AttributeUsage(AttributeTargets.Field)]
public sealed class KeptAttribute : Attribute;
