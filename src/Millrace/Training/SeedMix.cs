namespace Millrace.Training;

/// <summary>Seeds made of seeds.</summary>
internal static class SeedMix
{
    /// <summary>SplitMix64: neighbouring numbers get unrelated seeds, on every machine the same.</summary>
    public static long Of(long seed, long number)
    {
        ulong z = unchecked(((ulong)seed * 0x9e3779b97f4a7c15UL) + ((ulong)number * 0xbf58476d1ce4e5b9UL) + 0x94d049bb133111ebUL);
        z = unchecked((z ^ (z >> 30)) * 0xbf58476d1ce4e5b9UL);
        z = unchecked((z ^ (z >> 27)) * 0x94d049bb133111ebUL);
        return (long)((z ^ (z >> 31)) >> 1);
    }
}
