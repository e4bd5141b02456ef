namespace Millrace.Models.UNets;

/// <summary>How a class, or another label of a row, is added to the timestep.</summary>
public enum UNetClassEmbedding
{
    /// <summary>There is none.</summary>
    None,

    /// <summary>A learned vector for each class; labels are [B], int64.</summary>
    Table,

    /// <summary>As the timestep; labels are [B], numbers.</summary>
    Timestep,

    /// <summary>Labels are vectors of the embedding's own width.</summary>
    Identity,

    /// <summary>Labels are vectors, projected by two layers.</summary>
    Projection,

    /// <summary>Labels are vectors, projected by one layer.</summary>
    SimpleProjection,
}
