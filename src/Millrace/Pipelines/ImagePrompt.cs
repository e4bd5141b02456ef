using Millrace.Imaging;
using Millrace.Models.Adapters;
using Millrace.Models.ImageEncoders;

namespace Millrace.Pipelines;

/// <summary>A picture that prompts beside the text, by an IP-Adapter.</summary>
/// <param name="Network">Used, not owned.</param>
/// <param name="Encoder">The picture encoder that it was trained with; used, not owned.</param>
/// <param name="Picture">Of any size; the square in its middle is seen.</param>
/// <param name="Strength">How strongly it works, and where.</param>
public sealed record ImagePrompt(IPAdapterModel Network, ClipVisionModel Encoder, Frame Picture, ControlStrength Strength);
