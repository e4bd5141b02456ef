namespace Millrace.Processes;

/// <summary>Which of the training timesteps 0..T-1 a few steps visit (Lin et al. 2023, arXiv 2305.08891, table 2).</summary>
public enum TimestepSpacing
{
    /// <summary>Evenly from T - 1 to 0, both included.</summary>
    Linspace,

    /// <summary>Multiples of T / n counted from 0, plus an offset: the most noise is left out.</summary>
    Leading,

    /// <summary>Multiples of T / n counted down from T, less one: the most noise is included.</summary>
    Trailing,
}
