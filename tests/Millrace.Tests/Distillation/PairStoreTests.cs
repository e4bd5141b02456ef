using Millrace.Checkpoints;
using Millrace.Distillation;
using Millrace.Processes;
using Millrace.Solvers;
using Millrace.Tests.Cli;
using Millrace.Tests.Support;
using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Tests.Distillation;

public sealed class PairStoreTests : IDisposable
{
    private static readonly PairOrigin Origin = new("0123456789abcdef", "Heun, 50 steps", 1.5);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Pairs_stay_together_in_a_draw()
    {
        using var scope = NewDisposeScope();
        Tensor noise = randn(500, 2, 1, 1);
        using var store = new PairStore(noise.clone(), noise.Times(3), TensorArithmetic.Indices(500), Origin);
        using var random = new SeededRandom(1, CPU);
        CoupledBatch batch = store.Draw(200, random);
        Assert.True(batch.Noise.Times(3).Equals(batch.Sample));
        Assert.True(noise.index_select(0, batch.Conditioning.ClassLabels!).Equals(batch.Noise));
        Assert.True(batch.Conditioning.ClassLabels!.unique().output.shape[0] > 100);
    }

    [Fact]
    public void A_file_gives_back_what_was_written_and_knows_its_teacher()
    {
        using var scope = NewDisposeScope();
        string path = _folder.File("pairs.safetensors");
        using var store = new PairStore(randn(7, 1, 2, 2), randn(7, 1, 2, 2), null, Origin);
        store.Save(path);
        using PairStore loaded = PairStore.Load(path, Origin.Teacher);
        Assert.Equal(Origin, loaded.Origin);
        Assert.True(store.Noise.Equals(loaded.Noise) && store.Sample.Equals(loaded.Sample) && loaded.Classes is null);
        var error = Assert.Throws<InvalidDataException>(() => PairStore.Load(path, "another"));
        Assert.Contains("another teacher: 0123456789abcdef, wanted another", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Broken_pairs_are_refused()
    {
        using var scope = NewDisposeScope();
        Assert.Throws<ArgumentException>(() => new PairStore(randn(3, 2), randn(4, 2), null, Origin));
        Assert.Throws<ArgumentException>(() => new PairStore(randn(3, 2), randn(3, 2), TensorArithmetic.Indices(2), Origin));
        Assert.Throws<ArgumentException>(() => new PairStore(empty(0, 2), empty(0, 2), null, Origin));
        Assert.Contains("NaN", Assert.Throws<ArgumentException>(() => new PairStore(randn(3, 2), TensorArithmetic.Filled(double.NaN, CPU, 3, 2), null, Origin)).Message, StringComparison.Ordinal);
        string path = _folder.File("other.safetensors");
        SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { ["noise"] = randn(2, 2) });
        Assert.Contains("holds no pairs", Assert.Throws<InvalidDataException>(() => PairStore.Load(path)).Message, StringComparison.Ordinal);
        SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { ["noise"] = randn(2, 2), ["sample"] = randn(3, 2) }, new Dictionary<string, string> { ["teacher"] = "a", ["sampler"] = "b", ["guidance_scale"] = "1" });
        Assert.Contains("as many", Assert.Throws<InvalidDataException>(() => PairStore.Load(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_sampler_makes_pairs_by_seed_alone()
    {
        var process = new FlowProcess();
        var path = SigmaPath.Of(process);
        NoiseLevel[] levels = [.. Enumerable.Range(0, 5).Select(step => path.At(1 - (step / 4.0)))];
        var sampler = new Sampler(new GaussianDenoiser(process, PredictionType.Flow, 0, 0.5, coupled: true), new DdimSolver(NoiseInterval.Between(levels)));
        using PairStore whole = PairGeneration.Run(sampler, 1, [2, 1, 1], 10, Origin, seed: 3), parts = PairGeneration.Run(sampler, 1, [2, 1, 1], 10, Origin, seed: 3, batch: 10);
        Assert.True(whole.Noise.Equals(parts.Noise));
        using Tensor expected = whole.Noise.Times(0.5);
        Assert.True(Golden.RelativeError(expected, whole.Sample) < 1e-5);
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.Throws<OperationCanceledException>(() => PairGeneration.Run(sampler, 1, [2, 1, 1], 10, Origin, seed: 3, cancellation: cancelled.Token));
    }

    [Fact]
    public void The_fingerprint_changes_with_any_weight()
    {
        using ScaledInput one = new(0.5), same = new(0.5), other = new(0.5000001);
        Assert.Equal(WeightFingerprint.Of(one), WeightFingerprint.Of(same));
        Assert.NotEqual(WeightFingerprint.Of(one), WeightFingerprint.Of(other));
    }
}
