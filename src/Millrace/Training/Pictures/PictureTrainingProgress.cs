namespace Millrace.Training.Pictures;

/// <summary>Where the training of a model of one's own pictures stands.</summary>
/// <param name="Stage">autoencoder or denoiser.</param>
/// <param name="Entry">The entry of that stage's log.</param>
public sealed record PictureTrainingProgress(string Stage, TrainingProgress Entry);
