namespace Millrace.Distillation;

/// <summary>Weights of <see cref="DiscriminativeObjective"/>.</summary>
/// <param name="Sharpness">beta, above 0: scale of the likelihood ratio. Below 1 the result overshoots away from the reference.</param>
/// <param name="NegativeWeight">alpha, at least 0: weight of the reference's samples.</param>
public sealed record DiscriminativeOptions(double Sharpness, double NegativeWeight)
{
    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">Names the option, the value and what is allowed.</exception>
    public void Validate()
    {
        if (!(Sharpness > 0 && double.IsFinite(Sharpness)))
        {
            throw new ArgumentException($"Sharpness must be above 0, got {Sharpness}.");
        }

        if (!(NegativeWeight >= 0 && double.IsFinite(NegativeWeight)))
        {
            throw new ArgumentException($"NegativeWeight must be at least 0, got {NegativeWeight}.");
        }
    }
}
