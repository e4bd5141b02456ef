using Millrace.Models;
using Millrace.Processes;

namespace Millrace.Checkpoints.Schedulers;

/// <summary>
/// Every setting of a scheduler of diffusers that has a bearing on sampling, with the defaults of its class (diffusers 0.24; for classes
/// that came later, 0.30).
/// </summary>
internal sealed class SchedulerSettings
{
    private const int MostTimesteps = 1_000_000;
    private const string Suffix = "Scheduler";

    private static readonly Dictionary<string, SchedulerClass> Classes =
        Enum.GetValues<SchedulerClass>().ToDictionary(name => $"{name}{Suffix}")
            .Concat([new("DDIMParallelScheduler", SchedulerClass.DDIM), new("DDPMParallelScheduler", SchedulerClass.DDPM)])
            .ToDictionary(entry => entry.Key, entry => entry.Value);

    private static readonly Dictionary<string, PredictionType> Predictions = new()
    {
        ["epsilon"] = PredictionType.Epsilon,
        ["v_prediction"] = PredictionType.VPrediction,
        ["sample"] = PredictionType.Sample,
    };

    private static readonly Dictionary<string, TimestepSpacing> Spacings = new()
    {
        ["linspace"] = TimestepSpacing.Linspace,
        ["leading"] = TimestepSpacing.Leading,
        ["trailing"] = TimestepSpacing.Trailing,
    };

    // Settings of other classes: a configuration keeps them when its class is exchanged, and they mean nothing then.
    private static readonly string[] OfOtherClasses =
    [
        "algorithm_type", "base_image_seq_len", "base_shift", "clip_sample", "clip_sample_range", "disable_corrector", "dynamic_thresholding_ratio",
        "euler_at_final", "final_sigmas_type", "flow_shift", "interpolation_type", "lambda_min_clipped", "lower_order_final", "max_image_seq_len", "max_shift", "noise_sampler_seed",
        "original_inference_steps", "predict_x0", "rho", "sample_max_value", "set_alpha_to_one", "shift", "sigma_data", "sigma_max", "sigma_min",
        "sigma_schedule", "skip_prk_steps", "solver_order", "solver_p", "solver_type", "steps_offset", "thresholding", "timestep_scaling", "timestep_spacing",
        "time_shift_type", "timestep_type", "upscale_mode", "use_beta_sigmas", "use_dynamic_shifting", "use_exponential_sigmas", "use_karras_sigmas", "use_lu_lambdas", "variance_type",
        "beta_schedule", "beta_start", "beta_end", "trained_betas", "rescale_betas_zero_snr", "prediction_type",
    ];

    /// <summary>Reads a configuration.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="className">Its class; null where the configuration itself says so.</param>
    /// <exception cref="InvalidDataException">Where a setting is unknown, or has a value that is not allowed.</exception>
    public SchedulerSettings(ConfigFile config, SchedulerClass? className = null)
    {
        Class = className ?? config.Choice("_class_name", Classes);
        Config = config;
        TrainTimesteps = config.Integer("num_train_timesteps", 1000);
        config.Check(() => ArgumentOutOfRangeException.ThrowIfGreaterThan(TrainTimesteps, MostTimesteps, "num_train_timesteps"));
        bool edm = Class is SchedulerClass.EDMEuler or SchedulerClass.EDMDPMSolverMultistep;
        bool flow = Class >= SchedulerClass.FlowMatchEulerDiscrete;
        Process = edm ? EdmProcess(config) : flow ? FlowProcess(config) : VariancePreserving(config);
        DynamicShift = flow ? DynamicShift.Read(config) : null;
        PredictionType said = config.Choice("prediction_type", flow ? PredictionType.Flow : PredictionType.Epsilon, Predictions);
        Prediction = edm && said == PredictionType.Epsilon ? PredictionType.Edm : said;

        Spacing = config.Choice("timestep_spacing", Discrete ? TimestepSpacing.Leading : TimestepSpacing.Linspace, Spacings);
        Offset = config.Integer("steps_offset", 0);
        AlphaToOne = config.Flag("set_alpha_to_one", Class != SchedulerClass.PNDM);
        bool clips = config.Flag("clip_sample", Class is SchedulerClass.DDPM or SchedulerClass.DDIM or SchedulerClass.DDIMInverse);
        double range = config.Number("clip_sample_range", 1);
        bool thresholds = config.Flag("thresholding", false);
        double ratio = config.Number("dynamic_thresholding_ratio", 0.995), largest = config.Number("sample_max_value", 1);
        bool moves = Class is not (SchedulerClass.DDIM or SchedulerClass.DDIMInverse);
        Constraint = !Constrains ? null
            : thresholds && Class != SchedulerClass.HeunDiscrete ? config.Checked(() => Solvers.SampleConstraint.Threshold(ratio, largest, moves))
            : clips && Clips ? config.Checked(() => Solvers.SampleConstraint.Clip(range, moves)) : null;
        SigmaSpacing = ReadSigmaSpacing(config);
        (SigmaMin, SigmaMax) = (OptionalNumber(config, "sigma_min"), OptionalNumber(config, "sigma_max"));
        FinalIsZero = config.Choice("final_sigmas_type", edm, new Dictionary<string, bool> { ["zero"] = true, ["sigma_min"] = false });
        LambdaMinClipped = config.Number("lambda_min_clipped", double.NegativeInfinity);
        Order = config.Integer("solver_order", 2);
        LowerOrderFinal = config.Flag("lower_order_final", Class != SchedulerClass.DPMSolverSinglestep);
        EulerAtFinal = config.Flag("euler_at_final", false);
        bool wholeTeacher = Class == SchedulerClass.TCD && config.HasNull("original_inference_steps");
        OriginalSteps = config.Integer("original_inference_steps", wholeTeacher ? TrainTimesteps : 50);
        TimestepScaling = config.Number("timestep_scaling", 10);
    }

    public SchedulerClass Class { get; }

    /// <summary>The rest of the configuration, for settings of one class alone.</summary>
    public ConfigFile Config { get; }

    public int TrainTimesteps { get; }

    public IDiffusionProcess Process { get; }

    /// <summary>How the shift of a flow depends on the size of the picture; null where it does not.</summary>
    public DynamicShift? DynamicShift { get; }

    public VariancePreservingProcess Preserving => (VariancePreservingProcess)Process;

    public PredictionType Prediction { get; }

    public TimestepSpacing Spacing { get; }

    public int Offset { get; }

    public bool AlphaToOne { get; }

    public Solvers.SampleConstraint? Constraint { get; }

    public SigmaSpacing SigmaSpacing { get; }

    public double? SigmaMin { get; }

    public double? SigmaMax { get; }

    public bool FinalIsZero { get; }

    public double LambdaMinClipped { get; }

    public int Order { get; }

    public bool LowerOrderFinal { get; }

    public bool EulerAtFinal { get; }

    public int OriginalSteps { get; }

    public double TimestepScaling { get; }

    private bool Discrete => Class <= SchedulerClass.TCD;

    private bool Constrains => Class is not (SchedulerClass.PNDM or SchedulerClass.TCD or SchedulerClass.EDMEuler)
        && (Discrete || Class is SchedulerClass.HeunDiscrete || Class >= SchedulerClass.DPMSolverMultistep);

    private bool Clips => Discrete || Class == SchedulerClass.HeunDiscrete;

    /// <summary>The class of a name; null where it is not known.</summary>
    public static SchedulerClass? ClassNamed(string name) => Classes.TryGetValue(name, out SchedulerClass known) ? known : null;

    /// <summary>Ends the reading: refuses every setting that no class knows.</summary>
    public void Close()
    {
        Config.Pass(OfOtherClasses);
        Config.Close(() => { });
    }

    private VariancePreservingProcess VariancePreserving(ConfigFile config)
    {
        bool released = Class is SchedulerClass.HeunDiscrete or SchedulerClass.KDPM2Discrete or SchedulerClass.KDPM2AncestralDiscrete
            or SchedulerClass.DPMSolverSDE or SchedulerClass.LCM or SchedulerClass.TCD;
        BetaSchedule layout = config.Choice("beta_schedule", Class is SchedulerClass.LCM or SchedulerClass.TCD ? BetaSchedule.ScaledLinear : BetaSchedule.Linear, SchedulerConfig.Schedules);
        double start = config.Number("beta_start", released ? 0.00085 : 0.0001), end = config.Number("beta_end", released ? 0.012 : 0.02);
        IReadOnlyList<double>? betas = config.Numbers("trained_betas");
        bool zero = config.Flag("rescale_betas_zero_snr", false);
        return config.Checked(() => betas is null
            ? new VariancePreservingProcess(layout, start, end, TrainTimesteps, zero)
            : VariancePreservingProcess.OfBetas(betas, zero));
    }

    private static EdmProcess EdmProcess(ConfigFile config)
    {
        double min = config.Number("sigma_min", 0.002), max = config.Number("sigma_max", 80), data = config.Number("sigma_data", 0.5);
        return config.Checked(() => new EdmProcess(min, max, data));
    }

    private FlowProcess FlowProcess(ConfigFile config)
    {
        double shift = config.Number("shift", 1);
        return config.Checked(() => new FlowProcess(shift, TrainTimesteps));
    }

    private static SigmaSpacing ReadSigmaSpacing(ConfigFile config)
    {
        (string Field, SigmaSpacing Spacing)[] asked =
        [
            .. new[]
            {
                ("use_karras_sigmas", SigmaSpacing.Karras), ("use_exponential_sigmas", SigmaSpacing.Exponential), ("use_beta_sigmas", SigmaSpacing.Beta),
                ("use_lu_lambdas", SigmaSpacing.Exponential),
            }.Where(entry => config.Flag(entry.Item1, false)),
        ];
        config.Check(() =>
        {
            if (asked.Length > 1)
            {
                throw new ArgumentException($"only one of {string.Join(" and ", asked.Select(entry => entry.Field))} may be true.");
            }
        });
        return asked.Length == 0 ? SigmaSpacing.Timesteps : asked[0].Spacing;
    }

    private static double? OptionalNumber(ConfigFile config, string field) =>
        config.Number(field, double.NaN) is var number && double.IsNaN(number) ? null : number;
}
