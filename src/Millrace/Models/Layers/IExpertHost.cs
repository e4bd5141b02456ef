namespace Millrace.Models.Layers;

/// <summary>A layer whose convolutions can get the kernels of others as experts.</summary>
internal interface IExpertHost
{
    /// <summary>Replaces a convolution; its parameters have no values then.</summary>
    /// <param name="convolution">Its name within the layer.</param>
    /// <param name="experts">Kernels besides its own.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    /// <exception cref="ArgumentException">Where there is no such convolution.</exception>
    void UseExperts(string convolution, int experts, TensorOptions tensors);
}
