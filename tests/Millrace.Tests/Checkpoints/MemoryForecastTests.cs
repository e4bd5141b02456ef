using Millrace.Checkpoints;
using Millrace.Tests.Cli;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Checkpoints;

public sealed class MemoryForecastTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Names => [.. TinyFolders.Names];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Names))]
    public void The_weights_of_every_family_are_forecast_to_the_byte_without_memory(string name)
    {
        string folder = TinyFolders.Write(name, _folder.Path);
        using DiffusionModel survey = Checkpoint.Survey(folder);
        using DiffusionModel model = Checkpoint.Load(folder);

        Assert.All(survey.Parts.Values, part => Assert.All(part.state_dict().Values, tensor => Assert.Equal(TorchSharp.DeviceType.META, tensor.device_type)));
        long weights = model.Parts.Values.Sum(part => part.state_dict().Values.Sum(tensor => tensor.numel() * tensor.ElementSize));
        var forecast = MemoryForecast.Of(survey, 64, 64, 1, 2);
        Assert.Equal(weights, forecast.WeightBytes);
        Assert.Equal(forecast, MemoryForecast.Of(model, 64, 64, 1, 2));
        Assert.True(forecast.ActivationBytes < MemoryForecast.Of(survey, 1024, 1024, 1, 2).ActivationBytes);
        Assert.True(MemoryForecast.Of(survey, 1024, 1024, 1, 2, bytesPerNumber: 2).ActivationBytes < MemoryForecast.Of(survey, 1024, 1024, 1, 2).ActivationBytes);
    }

    [Fact]
    public void A_single_file_is_surveyed_too_in_the_precision_asked_for()
    {
        string folder = PublishedFolders.Write("sd3", _folder.File("model")), file = _folder.File("model.safetensors");
        CheckpointConversion.Convert(folder, file, cancellationToken: TestContext.Current.CancellationToken);
        using DiffusionModel half = Checkpoint.Survey(file, new LoadOptions { TokenizerPath = folder, Precision = ScalarType.BFloat16 });
        using DiffusionModel whole = Checkpoint.Survey(folder);

        Assert.Equal(2 * MemoryForecast.Of(half, 64, 64, 1, 1).WeightBytes, MemoryForecast.Of(whole, 64, 64, 1, 1).WeightBytes);
    }
}
