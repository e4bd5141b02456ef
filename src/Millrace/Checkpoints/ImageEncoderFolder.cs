using Millrace.Models.ImageEncoders;

namespace Millrace.Checkpoints;

/// <summary>CLIP's picture encoder as transformers stores it: a folder with <c>config.json</c> and its weights.</summary>
public static class ImageEncoderFolder
{
    /// <summary>What the folder is called where it lies beside an IP-Adapter or in a model's folder.</summary>
    public const string Name = "image_encoder";

    /// <summary>Loads an encoder.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="options">How; null means float32 on the CPU.</param>
    /// <returns>The network; the caller's to dispose.</returns>
    /// <exception cref="DirectoryNotFoundException">Where there is no such folder.</exception>
    /// <exception cref="InvalidDataException">Where a file is missing or broken, or asks for what is not computed here; names it.</exception>
    public static ClipVisionModel Load(string path, LoadOptions? options = null) => ModelFolder.Load(
        path, options, folder => folder.Network("", ClipVisionConfig.Read, (shape, tensors) => new ClipVisionModel(shape, tensors), WeightFiles.Transformers));
}
