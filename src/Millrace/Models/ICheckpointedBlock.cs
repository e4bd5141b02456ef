namespace Millrace.Models;

/// <summary>A block of a network that can keep its inputs alone for the backward pass.</summary>
internal interface ICheckpointedBlock
{
    /// <summary>Whether it does; see <see cref="GradientCheckpointing"/>.</summary>
    bool Checkpointed { get; set; }
}
