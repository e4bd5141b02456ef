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

    [Theory]
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
