namespace Millrace.Training;

/// <summary>
/// Joins samples with noise: independently, which makes ordinary diffusion and flow training, or as a trained model's own
/// trajectories joined them, which makes reflow.
/// </summary>
/// <param name="step">Steps of training done so far.</param>
/// <param name="random">Source of all randomness.</param>
/// <returns>A batch in the dispose scope of the caller.</returns>
public delegate CoupledBatch Coupling(long step, SeededRandom random);
