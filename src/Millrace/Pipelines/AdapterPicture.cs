using Millrace.Imaging;
using Millrace.Models.Adapters;

namespace Millrace.Pipelines;

/// <summary>A T2I-Adapter and the picture that it is shown.</summary>
/// <param name="Network">Used, not owned.</param>
/// <param name="Picture">Has the size of the pictures that are drawn.</param>
/// <param name="Strength">How strongly it works, and where.</param>
public sealed record AdapterPicture(T2IAdapterModel Network, Frame Picture, ControlStrength Strength);
