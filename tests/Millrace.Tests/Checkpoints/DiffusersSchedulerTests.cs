using Millrace.Checkpoints.Schedulers;
using Millrace.Processes;
using Millrace.Solvers;
using Millrace.Tests.Cli;
using static TorchSharp.torch;

namespace Millrace.Tests.Checkpoints;

public sealed class DiffusersSchedulerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData("{'_class_name': 'DDIMScheduler'}", typeof(DdimSolver))]
    [InlineData("{'_class_name': 'DDIMInverseScheduler', 'steps_offset': 1}", typeof(DdimSolver))]
    [InlineData("{'_class_name': 'DDPMScheduler', 'variance_type': 'fixed_large', 'timestep_spacing': 'linspace'}", typeof(DdimSolver))]
    [InlineData("{'_class_name': 'PNDMScheduler', 'skip_prk_steps': true}", typeof(PndmSolver))]
    [InlineData("{'_class_name': 'PNDMScheduler', 'prediction_type': 'v_prediction', 'timestep_spacing': 'trailing'}", typeof(PndmSolver))]
    [InlineData("{'_class_name': 'LCMScheduler', 'clip_sample': true, 'clip_sample_range': 2}", typeof(LcmSolver))]
    [InlineData("{'_class_name': 'TCDScheduler', 'original_inference_steps': null}", typeof(TcdSolver))]
    [InlineData("{'_class_name': 'EulerDiscreteScheduler', 'interpolation_type': 'log_linear', 'timestep_spacing': 'leading'}", typeof(DdimSolver))]
    [InlineData("{'_class_name': 'EulerDiscreteScheduler', 'use_karras_sigmas': true, 'sigma_min': 0.05, 'sigma_max': 10}", typeof(DdimSolver))]
    [InlineData("{'_class_name': 'EulerAncestralDiscreteScheduler', 'prediction_type': 'sample'}", typeof(DdimSolver))]
    [InlineData("{'_class_name': 'HeunDiscreteScheduler', 'use_karras_sigmas': true, 'clip_sample': true}", typeof(HeunSolver))]
    [InlineData("{'_class_name': 'HeunDiscreteScheduler', 'beta_schedule': 'exp', 'use_beta_sigmas': true}", typeof(HeunSolver))]
    [InlineData("{'_class_name': 'LMSDiscreteScheduler', 'use_exponential_sigmas': true}", typeof(LmsSolver))]
    [InlineData("{'_class_name': 'KDPM2DiscreteScheduler', 'use_karras_sigmas': true}", typeof(Dpm2Solver))]
    [InlineData("{'_class_name': 'KDPM2AncestralDiscreteScheduler', 'timestep_spacing': 'trailing'}", typeof(Dpm2Solver))]
    [InlineData("{'_class_name': 'DPMSolverMultistepScheduler', 'solver_order': 3, 'algorithm_type': 'dpmsolver', 'solver_type': 'heun', 'thresholding': true}", typeof(DpmSolver))]
    [InlineData("{'_class_name': 'DPMSolverMultistepScheduler', 'use_lu_lambdas': true, 'euler_at_final': true, 'final_sigmas_type': 'zero'}", typeof(DpmSolver))]
    [InlineData("{'_class_name': 'DPMSolverMultistepScheduler', 'beta_schedule': 'squaredcos_cap_v2', 'lambda_min_clipped': -5.1, 'algorithm_type': 'sde-dpmsolver'}", typeof(DpmSolver))]
    [InlineData("{'_class_name': 'DPMSolverSinglestepScheduler', 'solver_order': 3, 'lower_order_final': false}", typeof(DpmSinglestepSolver))]
    [InlineData("{'_class_name': 'DEISMultistepScheduler', 'solver_order': 3, 'algorithm_type': 'deis', 'solver_type': 'logrho'}", typeof(DpmSolver))]
    [InlineData("{'_class_name': 'UniPCMultistepScheduler', 'solver_order': 3, 'predict_x0': false, 'solver_type': 'bh1', 'disable_corrector': [0, 1]}", typeof(UniPCSolver))]
    [InlineData("{'_class_name': 'EDMEulerScheduler', 'sigma_schedule': 'exponential'}", typeof(DdimSolver))]
    [InlineData("{'_class_name': 'EDMDPMSolverMultistepScheduler', 'solver_order': 3, 'final_sigmas_type': 'sigma_min', 'prediction_type': 'v_prediction'}", typeof(DpmSolver))]
    [InlineData("{'_class_name': 'FlowMatchEulerDiscreteScheduler', 'shift': 3}", typeof(DdimSolver))]
    [InlineData("{'_class_name': 'FlowMatchHeunDiscreteScheduler'}", typeof(HeunSolver))]
    [InlineData("{'_class_name': 'FlowMatchLCMScheduler', 'shift': 3, 'scale_factors': null, 'upscale_mode': 'bicubic'}", typeof(LcmSolver))]
    [InlineData("{'_class_name': 'DPMSolverSDEScheduler', 'use_karras_sigmas': true, 'noise_sampler_seed': 0}", typeof(DpmSdeSolver))]
    [InlineData("{'_class_name': 'DDIMParallelScheduler', 'clip_sample': false}", typeof(DdimSolver))]
    [InlineData("{'_class_name': 'DDPMParallelScheduler'}", typeof(DdimSolver))]
    [InlineData("{'_class_name': 'DDIMScheduler', 'rescale_betas_zero_snr': true, 'prediction_type': 'v_prediction', 'timestep_spacing': 'trailing'}", typeof(DdimSolver))]
    public void Every_class_and_setting_makes_a_solver_that_ends_clean(string config, Type solver)
    {
        using var scope = NewDisposeScope();
        var scheduler = DiffusersScheduler.Read(Written(config));
        foreach (int steps in new[] { 5, 12, 20 })
        {
            SamplingPlan plan = scheduler.Plan(steps);
            Assert.IsType(solver, plan.Solver);
            using var noise = new SeededNoise(1);
            SolverState state = plan.Solver.Start(noise.Draw(zeros(1, 3, 4, 4)).Times(plan.InitialNoiseScale));
            while (plan.Solver.Next(state) is { } level)
            {
                Tensor output = state.X.Times(level.InputScale).tanh();
                state = plan.Solver.Step(state, Estimate.Of(scheduler.Prediction, output, state.X, level, plan.Constraint), noise.Draw);
            }

            Assert.True(state.X.isfinite().all().item<bool>());
        }
    }

    /// <summary>As recent versions of diffusers write them: every setting of the class, most at its default.</summary>
    [Theory]
    [InlineData("""
        {"_class_name": "FlowMatchEulerDiscreteScheduler", "_diffusers_version": "0.33.0", "base_image_seq_len": 256, "base_shift": 0.5, "invert_sigmas": false, "max_image_seq_len": 4096,
         "max_shift": 1.15, "num_train_timesteps": 1000, "shift": 3.0, "shift_terminal": null, "stochastic_sampling": false, "time_shift_type": "exponential", "use_beta_sigmas": false,
         "use_dynamic_shifting": false, "use_exponential_sigmas": false, "use_karras_sigmas": false}
        """)]
    [InlineData("""
        {"_class_name": "DPMSolverMultistepScheduler", "_diffusers_version": "0.33.0", "algorithm_type": "dpmsolver++", "beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085,
         "dynamic_thresholding_ratio": 0.995, "euler_at_final": false, "final_sigmas_type": "zero", "flow_shift": 1.0, "lambda_min_clipped": -Infinity, "lower_order_final": true,
         "num_train_timesteps": 1000, "prediction_type": "epsilon", "rescale_betas_zero_snr": false, "sample_max_value": 1.0, "solver_order": 2, "solver_type": "midpoint", "steps_offset": 1,
         "thresholding": false, "time_shift_type": "exponential", "timestep_spacing": "linspace", "trained_betas": null, "use_beta_sigmas": false, "use_dynamic_shifting": false,
         "use_exponential_sigmas": false, "use_flow_sigmas": false, "use_karras_sigmas": true, "use_lu_lambdas": false, "variance_type": null}
        """)]
    [InlineData("""
        {"_class_name": "EulerDiscreteScheduler", "_diffusers_version": "0.33.0", "beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085, "final_sigmas_type": "zero",
         "interpolation_type": "linear", "num_train_timesteps": 1000, "prediction_type": "epsilon", "rescale_betas_zero_snr": false, "sigma_max": null, "sigma_min": null, "skip_prk_steps": true,
         "set_alpha_to_one": false, "steps_offset": 1, "timestep_spacing": "leading", "timestep_type": "discrete", "trained_betas": null, "use_beta_sigmas": false, "use_exponential_sigmas": false,
         "use_karras_sigmas": false, "clip_sample": false, "sample_max_value": 1.0}
        """)]
    public void Configurations_of_recent_versions_are_read(string config)
    {
        _folder.Write("scheduler_config.json", config);
        Assert.NotNull(DiffusersScheduler.Read(_folder.File("scheduler_config.json")).Plan(4).Solver);
    }

    /// <summary>Classes of diffusers for models of other kinds; each is named in the refusal.</summary>
    [Theory]
    [InlineData("AmusedScheduler")]
    [InlineData("CMStochasticIterativeScheduler")]
    [InlineData("CogVideoXDDIMScheduler")]
    [InlineData("CogVideoXDPMScheduler")]
    [InlineData("CosineDPMSolverMultistepScheduler")]
    [InlineData("DDPMWuerstchenScheduler")]
    [InlineData("DPMSolverMultistepInverseScheduler")]
    [InlineData("IPNDMScheduler")]
    [InlineData("KarrasVeScheduler")]
    [InlineData("RePaintScheduler")]
    [InlineData("SASolverScheduler")]
    [InlineData("SCMScheduler")]
    [InlineData("ScoreSdeVeScheduler")]
    [InlineData("ScoreSdeVpScheduler")]
    [InlineData("UnCLIPScheduler")]
    [InlineData("VQDiffusionScheduler")]
    public void A_class_that_no_solver_stands_for_is_refused_in_one_sentence(string name)
    {
        string refusal = Assert.Throws<InvalidDataException>(() => DiffusersScheduler.Read(Written($"{{'_class_name': '{name}'}}"))).Message;
        Assert.Contains($"\"{name}\"", refusal, StringComparison.Ordinal);
        Assert.Contains("DDIMScheduler", refusal, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal);
    }

    [Theory]
    [InlineData("{'_class_name': 'DPMSolverMultistepScheduler', 'use_flow_sigmas': true}", "use_flow_sigmas")]
    [InlineData("{'_class_name': 'DPMSolverMultistepScheduler', 'prediction_type': 'flow_prediction'}", "flow_prediction")]
    [InlineData("{'_class_name': 'FlowMatchEulerDiscreteScheduler', 'use_karras_sigmas': true}", "laid out by its shift alone, got Karras")]
    [InlineData("{'_class_name': 'FlowMatchEulerDiscreteScheduler', 'time_shift_type': 'linear'}", "time_shift_type")]
    [InlineData("{'_class_name': 'FlowMatchEulerDiscreteScheduler', 'shift_terminal': 0.1}", "shift_terminal")]
    [InlineData("{'_class_name': 'FlowMatchEulerDiscreteScheduler', 'stochastic_sampling': true}", "stochastic_sampling")]
    [InlineData("{'_class_name': 'FlowMatchLCMScheduler', 'scale_factors': [0.5, 1]}", "scale_factors")]
    [InlineData("{'_class_name': 'DDIMScheduler', 'dreams': 3}", "field \"dreams\" is 3")]
    [InlineData("{'_class_name': 'DDIMScheduler', 'timestep_spacing': 'even'}", "but must be \"linspace\" or \"leading\" or \"trailing\"")]
    [InlineData("{'_class_name': 'DreamScheduler'}", "field \"_class_name\" is \"DreamScheduler\"")]
    [InlineData("{'_class_name': 'EulerDiscreteScheduler', 'use_karras_sigmas': true, 'use_beta_sigmas': true}", "only one of use_karras_sigmas and use_beta_sigmas may be true")]
    [InlineData("{'_class_name': 'DPMSolverMultistepScheduler', 'solver_order': 4}", "Order must be in 1..3, got 4")]
    [InlineData("{'_class_name': 'DPMSolverMultistepScheduler', 'variance_type': 'learned'}", "field \"variance_type\" is \"learned\"")]
    [InlineData("{'_class_name': 'DDPMScheduler', 'variance_type': 'learned_range'}", "field \"variance_type\" is \"learned_range\"")]
    [InlineData("{'_class_name': 'EDMEulerScheduler', 'sigma_min': 90}", "0 < smallest < largest, got 90 and 80")]
    public void An_unknown_setting_is_refused_by_name(string config, string message)
    {
        string path = Written(config);
        string refusal = Assert.Throws<InvalidDataException>(() => DiffusersScheduler.Read(path)).Message;
        Assert.StartsWith(path, refusal);
        Assert.Contains(message, refusal);
    }

    [Fact]
    public void A_flow_that_depends_on_the_size_needs_to_be_told()
    {
        var scheduler = DiffusersScheduler.Read(Written("{'_class_name': 'FlowMatchEulerDiscreteScheduler', 'use_dynamic_shifting': true, 'shift': 3}"));

        Assert.Contains("needs mu", Assert.Throws<ArgumentException>(() => scheduler.Plan(4)).Message);
        var plan = scheduler.Plan(4, new SamplingPlanOptions { Mu = Math.Log(FlowProcess.ShiftFor(4096)), Sigmas = [1, 0.75, 0.5, 0.25] });
        double shift = Math.Exp(1.15);
        Assert.Equal(shift * 0.5 / (1 + ((shift - 1) * 0.5)), ((GridSolver)plan.Solver).Levels[2].Sigma, 1e-12);
    }

    public void Dispose() => _folder.Dispose();

    private string Written(string config)
    {
        _folder.Write("scheduler_config.json", config.Replace('\'', '"'));
        return _folder.File("scheduler_config.json");
    }
}
