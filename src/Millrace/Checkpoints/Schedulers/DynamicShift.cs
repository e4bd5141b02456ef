using Millrace.Models;
using Millrace.Processes;

namespace Millrace.Checkpoints.Schedulers;

/// <summary>A flow's shift as a function of the tokens of a picture; see <see cref="FlowProcess.ShiftFor"/>.</summary>
internal sealed record DynamicShift(int BaseTokens, int MaxTokens, double BaseMu, double MaxMu)
{
    /// <summary>Reads it; null where the shift is fixed.</summary>
    public static DynamicShift? Read(ConfigFile config)
    {
        var shift = new DynamicShift(
            config.Integer("base_image_seq_len", 256), config.Integer("max_image_seq_len", 4096), config.Number("base_shift", 0.5), config.Number("max_shift", 1.15));
        return config.Flag("use_dynamic_shifting", false) ? shift : null;
    }

    /// <summary>e^mu.</summary>
    public double For(int tokens) => FlowProcess.ShiftFor(tokens, BaseTokens, MaxTokens, BaseMu, MaxMu);
}
