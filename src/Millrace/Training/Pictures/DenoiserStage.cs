using Millrace.Models;
using Millrace.Models.Autoencoders;
using Millrace.Training.Data;
using static TorchSharp.torch;

namespace Millrace.Training.Pictures;

/// <summary>Second stage: the denoiser, in the latents of the first.</summary>
internal static class DenoiserStage
{
    /// <summary>Trains, or goes on training; the model folder holds the averaged weights at every preview and at the end.</summary>
    /// <returns>Whether the last step was reached.</returns>
    public static bool Train(
        PictureSet set, PictureBatches batches, AutoencoderTiny autoencoder, PictureTrainingOptions options, string model, string folder, Device device,
        Action<long>? preview, IProgress<TrainingProgress>? progress, CancellationToken cancellation)
    {
        using var initial = new Generator((ulong)options.Seed);
        var shapes = new PictureShapes(options.Size, options.Network);
        using PictureModel network = options.Condition == PictureCondition.Text
            ? new TextPictureModel(set, shapes, initial, device)
            : new ClassPictureModel(set, options.Condition == PictureCondition.Class, shapes, initial, device);
        if (options.CheckpointGradients)
        {
            network.Trained.CheckpointGradients();
        }

        Coupling Couple(bool heldOut) => (step, random) =>
        {
            (Tensor images, Tensor rows, IReadOnlyList<string> names) = batches.Draw(random, heldOut);
            Tensor latent;
            using (no_grad())
            {
                latent = autoencoder.Encode(images);
            }

            return new CoupledBatch(latent, random.Normal(latent.shape), network.Condition(rows, random)) { Names = names };
        };

        void Save() => network.Save(model, autoencoder, options.Process);
        var (process, prediction) = PictureModel.Of(options.Process);
        var denoiser = new AutogradDenoiser(network.Network, prediction, options.BFloat16 ? bfloat16 : float32);
        var objective = new RegressionObjective(network.Trained, denoiser, process, Couple(heldOut: false))
        {
            HeldOut = batches.HoldsOut ? Couple(heldOut: true) : null,
            OnPreview = (_, step) =>
            {
                Save();
                preview?.Invoke(step);
            },
        };
        using var trainer = new Trainer(objective, options.Denoiser, folder);
        bool done = trainer.Run(options.Seed, progress, cancellation);
        trainer.WithAverage(Save);
        return done;
    }
}
