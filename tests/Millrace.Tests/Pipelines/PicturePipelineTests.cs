using Millrace.Checkpoints;
using Millrace.Checkpoints.Schedulers;
using Millrace.Guidance;
using Millrace.Imaging;
using Millrace.Models.Adapters;
using Millrace.Pipelines;
using Millrace.Processes;
using Millrace.Solvers;
using Millrace.Tests.Cli;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Pipelines;

/// <summary>Pipelines that start from more than a prompt.</summary>
public sealed class PicturePipelineTests(TinyFolderFixture folders) : IClassFixture<TinyFolderFixture>
{
    private static readonly GenerationOptions Options = new() { Width = 16, Height = 16, Steps = 4, Seed = 5 };

    private static readonly Frame Picture = Painted((x, y) => (byte)(16 * x)), Left = Painted((x, _) => x < 8 ? (byte)255 : (byte)0);

    public static TheoryData<string> All => [.. TinyFolders.Names];

    public static TheoryData<string> FromPrompt => [.. TinyFolders.FromPrompt];

    public static TheoryData<SolverKind> Solvers => [.. Enum.GetValues<SolverKind>()];

    [Theory]
    [MemberData(nameof(Solvers))]
    public void Every_solver_draws_and_keeps_what_is_known(SolverKind kind)
    {
        DiffusionModel model = folders.Model("sd");
        GenerationOptions options = Options with { Scheduler = model.Scheduler.With(kind), Steps = 12, GuidanceScale = 1 };
        Frame plain = TextToImage.Generate(model, "a red car", options).Single();
        Assert.Equal((16, 16), (plain.Width, plain.Height));

        using var scope = NewDisposeScope();
        var sampler = new PictureSampler(model, options);
        Tensor known = sampler.Encode(Picture), nothing = zeros(1, 1, 8, 8);
        var start = new SamplingStart { Picture = known, Mask = nothing };
        Tensor kept = sampler.Sample("a red car", [1], start, null, default);

        // Some schedulers end at the first timestep of training, where noise of sigma 0.01 is left.
        Assert.True(known.Minus(kept).abs().max().item<float>() < 0.05);
    }

    [Theory]
    [InlineData(SolverKind.Euler)]
    [InlineData(SolverKind.DpmPlusPlus2M)]
    [InlineData(SolverKind.UniPC)]
    public void Noise_levels_fall_otherwise_on_request(SolverKind kind)
    {
        DiffusionModel model = folders.Model("sd");
        Frame[] frames = [.. new SigmaSpacing?[] { null, SigmaSpacing.Karras, SigmaSpacing.Exponential }.Select(
            spacing => TextToImage.Generate(model, "a red car", Options with { Scheduler = model.Scheduler.With(kind, spacing) }).Single())];
        Assert.NotEqual(frames[0].Rgb, frames[1].Rgb);
        Assert.NotEqual(frames[1].Rgb, frames[2].Rgb);
        Assert.Throws<ArgumentException>(() => model.Scheduler.With(SolverKind.Ddim, SigmaSpacing.Karras));
    }

    [Theory]
    [InlineData(SolverKind.Euler)]
    [InlineData(SolverKind.Heun)]
    public void Churn_adds_noise_on_the_way(SolverKind kind)
    {
        DiffusionModel model = folders.Model("sd");
        byte[] Draw(double? churn) => TextToImage.Generate(
            model, "a red car", Options with { Scheduler = model.Scheduler.With(kind, churn: churn is { } amount ? new StochasticChurn(amount) : null) }).Single().Rgb;
        Assert.True(Draw(null).Zip(Draw(0), (left, right) => Math.Abs(left - right)).Max() <= 1);
        Assert.NotEqual(Draw(0), Draw(4));
        Assert.Equal(Draw(4), Draw(4));
        Assert.Contains("Churn goes with Euler and Heun", Assert.Throws<ArgumentException>(() => model.Scheduler.With(SolverKind.Ddim, churn: new StochasticChurn(1))).Message, StringComparison.Ordinal);
        Assert.Contains("got Euler on a FlowProcess", Assert.Throws<ArgumentException>(
            () => folders.Model("sd3").Scheduler.With(SolverKind.Euler, churn: new StochasticChurn(1))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Flows_are_sampled_by_the_solvers_of_flows()
    {
        DiffusionModel model = folders.Model("sd3");
        foreach (SolverKind kind in SolverExchange.SolversFor(model.Process))
        {
            Assert.Single(TextToImage.Generate(model, "a red car", Options with { Scheduler = model.Scheduler.With(kind) }));
        }

        Assert.Contains("Euler, Heun, Lcm", Assert.Throws<ArgumentException>(() => model.Scheduler.With(SolverKind.Ddim)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(FromPrompt))]
    public void A_picture_counts_the_more_the_less_strength(string name)
    {
        DiffusionModel model = folders.Model(name);
        Frame[] Draw(Frame picture, double strength) => [.. ImageToImage.Generate(model, picture, FamilyTests.Prompt(name), Options, strength)];
        Assert.Equal(Draw(Picture, 1)[0].Rgb, TextToImage.Generate(model, FamilyTests.Prompt(name), Options).Single().Rgb);
        Assert.NotEqual(Draw(Picture, 0.5)[0].Rgb, Draw(Left, 0.5)[0].Rgb);
        Assert.Contains("leaves none of 4 steps", Assert.Throws<ArgumentOutOfRangeException>(() => Draw(Picture, 0.2)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => Draw(Picture, 1.5));
        Assert.Throws<ArgumentException>(() => ImageToImage.Generate(model, Picture, "", Options with { Width = 8 }));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Outside_of_the_mask_every_pixel_stays(string name)
    {
        DiffusionModel model = folders.Model(name);
        Frame[] drawn = [.. Inpainting.Generate(model, Picture, Left, FamilyTests.Prompt(name), Options, count: 2)];

        Assert.All(drawn, frame => Assert.All(Enumerable.Range(0, 16 * 16 * 3).Where(index => index / 3 % 16 >= 8), index => Assert.Equal(Picture.Rgb[index], frame.Rgb[index])));
        Assert.NotEqual(Picture.Rgb, drawn[0].Rgb);
        Assert.NotEqual(drawn[0].Rgb, drawn[1].Rgb);
        if (model.Inpaints)
        {
            Assert.Contains("mask", Assert.Throws<ArgumentException>(() => TextToImage.Generate(model, "", Options)).Message, StringComparison.Ordinal);
            Assert.Contains("mask", Assert.Throws<ArgumentException>(() => ImageToImage.Generate(model, Picture, "", Options)).Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("sd")]
    [InlineData("sdxl")]
    [InlineData("lcm")]
    [InlineData("sd-inpainting")]
    [InlineData("sdxl-inpainting")]
    public void Controls_add_up_and_work_where_they_are_asked_to(string name)
    {
        DiffusionModel model = folders.Model(name);
        using var folder = new TemporaryFolder();
        using ControlNetModel network = ControlNetFolder.Load(TinyFolders.ControlNet(folder.Path, model.UNet!.Options));
        byte[] Draw(params (double Scale, double Start, double End)[] controls)
        {
            GenerationOptions options = Options with { Controls = [.. controls.Select(control => new ControlPicture(network, Picture, new ControlStrength(control.Scale, control.Start, control.End)))] };
            return Inpainting.Generate(model, Picture, Painted((_, _) => 255), "a red car", options).Single().Rgb;
        }

        byte[] none = Draw();
        Assert.Equal(none, Draw((0, 0, 1)));
        Assert.NotEqual(none, Draw((1, 0, 1)));
        Assert.NotEqual(Draw((1, 0, 1)), Draw((1, 0.5, 1)));
        Assert.True(Draw((0.5, 0, 1), (0.5, 0, 1)).Zip(Draw((1, 0, 1)), (left, right) => Math.Abs(left - right)).Max() <= 1);
        Assert.Throws<ArgumentOutOfRangeException>(() => Draw((1, 0.6, 0.5)));
    }

    [Theory]
    [InlineData("sd")]
    [InlineData("sdxl")]
    public void Guidance_of_every_kind_changes_the_picture(string name)
    {
        DiffusionModel model = folders.Model(name);
        byte[] Draw(GenerationOptions options) => TextToImage.Generate(model, "a red car", options).Single().Rgb;
        GenerationOptions guided = Options with { GuidanceScale = 4 }, plain = Options with { GuidanceScale = 1 };
        byte[][] drawn =
        [
            Draw(plain), Draw(guided), Draw(guided with { ProjectedGuidance = new() { Radius = 3 } }), Draw(guided with { ProjectedGuidance = new() { Radius = 3, Momentum = -0.5 } }),
            Draw(plain with { PerturbedAttentionScale = 3 }), Draw(guided with { PerturbedAttentionScale = 3 }),
            Draw(plain with { PerturbedAttentionScale = 3, PerturbedAttentionLayers = ["up_blocks"] }),
            Draw(guided with { GuidanceInterval = GuidanceInterval.OfWay(0, 0.5, model.Process.TrainTimesteps) }),
        ];
        Assert.Equal(drawn.Length, drawn.Select(Convert.ToHexString).Distinct().Count());
        Assert.Equal(drawn[0], Draw(guided with { PerturbedAttentionScale = 3, GuidanceInterval = new(-2, -1) }));
        Assert.Contains("takes the place", Assert.Throws<ArgumentException>(() => Draw(guided with { ProjectedGuidance = new(), PerturbedAttentionScale = 3 })).Message, StringComparison.Ordinal);
        Assert.Contains("U-Nets", Assert.Throws<ArgumentException>(
            () => TextToImage.Generate(folders.Model("sd3"), "", plain with { PerturbedAttentionScale = 3 }).ToArray()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_control_network_for_another_network_is_refused()
    {
        DiffusionModel model = folders.Model("sd");
        using var folder = new TemporaryFolder();
        using ControlNetModel other = ControlNetFolder.Load(TinyFolders.ControlNet(folder.Path, TinyModel.UNet with { BlockOutChannels = [8, 8] }));
        GenerationOptions options = Options with { Controls = [new ControlPicture(other, Picture, new ControlStrength())] };

        string message = Assert.Throws<ArgumentException>(() => TextToImage.Generate(model, "", options).ToArray()).Message;
        Assert.Contains("widths [8, 8]", message, StringComparison.Ordinal);
        Assert.Contains("widths [8, 16]", message, StringComparison.Ordinal);
        Assert.Contains("Flux", Assert.Throws<ArgumentException>(() => TextToImage.Generate(folders.Model("flux-dev"), "", options)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_refiner_takes_over_where_the_base_leaves_off()
    {
        DiffusionModel model = folders.Model("sdxl"), refiner = folders.Model("sdxl-refiner");
        GenerationOptions options = Options with { Steps = 10 };
        byte[] Draw(double handover) => StableDiffusionXLRefiner.Generate(model, refiner, "a red car", options, handover).Single().Rgb;

        Assert.NotEqual(TextToImage.Generate(model, "a red car", options).Single().Rgb, Draw(0.8));
        Assert.NotEqual(Draw(0.5), Draw(0.8));
        Assert.Throws<ArgumentOutOfRangeException>(() => Draw(1));
        Assert.Throws<ArgumentException>(() => StableDiffusionXLRefiner.Generate(model, refiner, "", options with { Scheduler = model.Scheduler.With(SolverKind.Heun) }));
        Assert.Throws<ArgumentException>(() => StableDiffusionXLRefiner.Generate(model, folders.Model("sd3"), "", options));
    }

    [Fact]
    public void A_model_that_takes_over_from_itself_draws_as_if_alone()
    {
        DiffusionModel model = folders.Model("sdxl");
        GenerationOptions options = Options with { Steps = 10 };
        byte[] whole = TextToImage.Generate(model, "a red car", options).Single().Rgb, halves = StableDiffusionXLRefiner.Generate(model, model, "a red car", options).Single().Rgb;
        Assert.True(whole.Zip(halves, (left, right) => Math.Abs(left - right)).Max() <= 1);
    }

    private static Frame Painted(Func<int, int, byte> shade) => new(0, TimeSpan.Zero, 16, 16,
        [.. Enumerable.Range(0, 16).SelectMany(y => Enumerable.Range(0, 16).SelectMany(x => Enumerable.Repeat(shade(x, y), 3)))]);
}
