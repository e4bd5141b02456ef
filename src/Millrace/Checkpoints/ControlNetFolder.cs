using Millrace.Models.Adapters;

namespace Millrace.Checkpoints;

/// <summary>A control network as diffusers stores it: a folder with <c>config.json</c> and its weights.</summary>
public static class ControlNetFolder
{
    /// <summary>Loads a control network.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="options">How; null means float32 on the CPU.</param>
    /// <returns>The network; the caller's to dispose.</returns>
    /// <exception cref="DirectoryNotFoundException">Where there is no such folder.</exception>
    /// <exception cref="InvalidDataException">Where a file is missing or broken, or asks for what is not computed here; names it.</exception>
    public static ControlNetModel Load(string path, LoadOptions? options = null) =>
        ModelFolder.Load(path, options, folder => folder.Network("", ControlNetConfig.Read, (shape, tensors) => new ControlNetModel(shape, tensors)));
}
