using Millrace.Guidance;
using Millrace.Solvers;

namespace Millrace.Streaming;

/// <summary>How a stream is generated. Immutable; a change while running is a new record given to <see cref="StreamPipeline.Update"/>.</summary>
public sealed record StreamOptions
{
    /// <summary>Indices into the timestep grid, strictly ascending; one noise level each. Near 0 is a strong change, near the end a faithful one.</summary>
    public IReadOnlyList<int> Steps { get; init; } = [16, 32];

    /// <summary>Indices in the timestep grid, 1..50.</summary>
    public int InferenceSteps { get; init; } = 50;

    /// <summary>How a frame goes from one level to the next.</summary>
    public StreamSolver Solver { get; init; } = StreamSolver.Lcm;

    /// <summary>Frames that enter together in one tick; at least 1.</summary>
    public int FrameBufferSize { get; init; } = 1;

    /// <summary>Width of the images in pixels; a multiple of the autoencoder's factor.</summary>
    public int Width { get; init; } = 64;

    /// <summary>Height of the images in pixels; a multiple of the autoencoder's factor.</summary>
    public int Height { get; init; } = 64;

    /// <summary>What enters each tick.</summary>
    public StreamMode Mode { get; init; } = StreamMode.ImageToImage;

    /// <summary>Where the negative prediction comes from.</summary>
    public GuidanceType Guidance { get; init; } = GuidanceType.Self;

    /// <summary>g in e = e_negative + g (e_positive - e_negative); at least 0. Up to 1 there is no guidance, whatever the type.</summary>
    public double GuidanceScale { get; init; } = 1.2;

    /// <summary>Scales the residual negative, and with it the pull away from the input; at least 0. Used by the residual types.</summary>
    public double Delta { get; init; } = 1;

    /// <summary>Whether noise is added again between two levels, for the solvers that do; without it images are softer and steadier.</summary>
    public bool AddNoise { get; init; } = true;

    /// <summary>Whether the frames of one buffer share their noise, so that the buffer's size does not change the images.</summary>
    public bool ShareNoise { get; init; } = true;

    /// <summary>Seed of all randomness.</summary>
    public long Seed { get; init; } = 2;

    /// <summary>Similarity above which a frame may be skipped, in [0, 1]; null, or 1, never skips.</summary>
    public double? SimilarityThreshold { get; init; }

    /// <summary>Most frames skipped in a row; at least 1.</summary>
    public int MaximumSkips { get; init; } = 10;

    /// <summary>Checks every value and reports all that is wrong at once.</summary>
    /// <exception cref="ArgumentException">One sentence for each value outside its range.</exception>
    public void Validate()
    {
        List<string> problems = [];
        void Require(bool holds, string problem)
        {
            if (!holds)
            {
                problems.Add(problem);
            }
        }

        Require(InferenceSteps is >= 1 and <= 50, $"InferenceSteps must be in 1..50, got {InferenceSteps}.");
        if (LcmTimesteps.CheckSteps(Steps, InferenceSteps) is { } wrongSteps)
        {
            problems.Add(wrongSteps);
        }

        Require(FrameBufferSize >= 1, $"FrameBufferSize must be at least 1, got {FrameBufferSize}.");
        Require(Width >= 1 && Height >= 1, $"Width and Height must be at least 1, got {Width} x {Height}.");
        Require(Enum.IsDefined(Mode), $"Mode must be one of {string.Join(", ", Enum.GetNames<StreamMode>())}, got {Mode}.");
        Require(Enum.IsDefined(Solver), $"Solver must be one of {string.Join(", ", Enum.GetNames<StreamSolver>())}, got {Solver}.");
        Require(Enum.IsDefined(Guidance), $"Guidance must be one of {string.Join(", ", Enum.GetNames<GuidanceType>())}, got {Guidance}.");
        Require(double.IsFinite(GuidanceScale) && GuidanceScale >= 0, $"GuidanceScale must be a number of at least 0, got {GuidanceScale}.");
        Require(double.IsFinite(Delta) && Delta >= 0, $"Delta must be a number of at least 0, got {Delta}.");
        Require(SimilarityThreshold is null or (>= 0 and <= 1), $"SimilarityThreshold must be in [0, 1], got {SimilarityThreshold}.");
        Require(MaximumSkips >= 1, $"MaximumSkips must be at least 1, got {MaximumSkips}.");
        if (problems.Count > 0)
        {
            throw new ArgumentException(string.Join(" ", problems));
        }
    }
}
