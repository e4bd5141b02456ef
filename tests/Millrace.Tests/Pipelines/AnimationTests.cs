using Millrace.Checkpoints;
using Millrace.Checkpoints.Schedulers;
using Millrace.Imaging;
using Millrace.Models.UNets;
using Millrace.Pipelines;
using Millrace.Tests.Cli;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Pipelines;

/// <summary>A U-Net of pictures with a motion adapter draws clips.</summary>
public sealed class AnimationTests(TinyFolderFixture folders) : IClassFixture<TinyFolderFixture>, IDisposable
{
    private static readonly GenerationOptions Options = new() { Width = 16, Height = 16, Steps = 2, Seed = 5 };

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_adapter_goes_into_a_copy_of_the_pictures_network()
    {
        DiffusionModel model = folders.Model("sd");
        using UNetMotionModel unet = MotionAdapterFolder.Load(TinyFolders.MotionAdapter(_folder.Path, model.UNet!.Options), model.UNet);
        using var scope = NewDisposeScope();
        Dictionary<string, Tensor> clips = unet.state_dict();

        Assert.All(model.UNet.state_dict(), entry => Assert.True(entry.Value.Equals(clips[entry.Key])));
        Assert.All(clips.Keys.Except(model.UNet.state_dict().Keys), name => Assert.Contains("motion_modules", name, StringComparison.Ordinal));
    }

    [Fact]
    public void Without_motion_each_frame_is_a_picture_of_its_own()
    {
        DiffusionModel model = folders.Model("sd");
        using UNetMotionModel unet = MotionAdapterFolder.Load(TinyFolders.MotionAdapter(_folder.Path, model.UNet!.Options), model.UNet);
        foreach ((string name, Tensor value) in unet.state_dict().Where(entry => entry.Key.Contains("motion_modules", StringComparison.Ordinal) && entry.Key.Contains("proj_out", StringComparison.Ordinal)))
        {
            using IDisposable noGrad = no_grad();
            value.zero_();
        }

        using var scope = NewDisposeScope();
        Tensor x = randn([3, 4, 8, 8], generator: new Generator(1)), t = TensorArithmetic.Filled(50, shape: 3);
        Conditioning text = model.TextEncoder.Encode(["a red car"]).Select(part => part.expand(3, -1, -1));
        Assert.True(Golden.RelativeError(model.Network.Predict(x, t, text), new ClipNetwork(unet, 3).Predict(x, t, text)) < 1e-5);
        Assert.Throws<ArgumentException>(() => new ClipNetwork(unet, 2).Predict(x, t, text));
    }

    [Fact]
    public void A_seed_gives_a_clip_and_no_tensor_is_left()
    {
        DiffusionModel model = folders.Model("sd");
        using UNetMotionModel unet = MotionAdapterFolder.Load(TinyFolders.MotionAdapter(_folder.Path, model.UNet!.Options), model.UNet);
        IReadOnlyList<Frame> Draw(long seed) => Animation.Generate(model, unet, "a red car", Options with { Seed = seed }, frames: 4);

        Assert.Equal(Draw(5)[2].Rgb, Draw(5)[2].Rgb);
        Assert.NotEqual(Draw(5)[2].Rgb, Draw(6)[2].Rgb);
        Living.StaysConstant(() => Draw(7), repeats: 3);
        Assert.Throws<ArgumentException>(() => Animation.Generate(model, unet, "", Options with { Scheduler = model.Scheduler.With(SolverKind.RungeKutta45) }, frames: 4));
    }

    [Fact]
    public void An_adapter_for_another_network_is_refused()
    {
        UNet2DConditionModel unet = folders.Model("sd").UNet!;
        string folder = TinyFolders.MotionAdapter(_folder.Path, unet.Options with { BlockOutChannels = [8, 8] });
        Assert.Contains("must be [8, 16]", Assert.Throws<InvalidDataException>(() => MotionAdapterFolder.Load(folder, unet)).Message, StringComparison.Ordinal);
        Assert.Throws<DirectoryNotFoundException>(() => MotionAdapterFolder.Load(Path.Combine(folder, "nosuch"), unet));
    }
}
