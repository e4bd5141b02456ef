using CsCheck;
using Millrace.Checkpoints;
using Millrace.Checkpoints.SingleFiles;
using Millrace.Tests.Cli;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Checkpoints.SingleFiles;

/// <summary>Lists of names with changes by chance: each is taken, or refused with <see cref="InvalidDataException"/>, never anything else.</summary>
public sealed class HostileSingleFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("sd1")]
    [InlineData("sd2")]
    [InlineData("sdxl-refiner")]
    [InlineData("sd3-medium")]
    [InlineData("flux-schnell")]
    public void Names_and_shapes_with_changes(string list)
    {
        TensorEntry[] entries = [.. KeyList.Open(list).Entries];
        Gen<long[]> shape = Gen.OneOf(Gen.Long[0, 5000], Gen.Const(1L << 40)).Array[0, 4];
        Gen.Select(Gen.Int[0, entries.Length - 1], Gen.Int[0, entries.Length - 1], shape, Gen.Int[0, 3]).Array[1, 6].Sample(
            changes =>
            {
                var changed = entries.ToDictionary(entry => entry.Name, entry => entry.Shape);
                foreach ((int first, int second, long[] sides, int kind) in changes)
                {
                    (string name, string other) = (entries[first].Name, entries[second].Name);
                    _ = kind switch
                    {
                        0 => changed.Remove(name),
                        1 => changed.TryAdd(name.Replace("0", "9999", StringComparison.Ordinal), sides),
                        2 => changed.TryAdd(name[..(name.Length / 2)] + other[(other.Length / 2)..], sides),
                        _ => changed.Remove(name) && changed.TryAdd(name, sides),
                    };
                }

                Survives(new MappedFile("file", changed.Select(entry => new MappedEntry(entry.Key, ScalarType.Float16, entry.Value, []))));
            },
            iter: 100,
            threads: 1);
    }

    [Fact]
    public void A_tensor_under_two_names_is_refused()
    {
        MappedEntry[] entries = [.. KeyList.Open("sd1").Entries.Select(entry => new MappedEntry(entry.Name, entry.Type, entry.Shape, []))];
        MappedEntry twin = entries.First(entry => entry.Name.EndsWith("nin_shortcut.weight", StringComparison.Ordinal));
        var file = new MappedFile("file", [.. entries, twin with { Name = twin.Name.Replace("nin_shortcut", "conv_shortcut", StringComparison.Ordinal) }]);

        Assert.Contains("is there twice, under two names", Assert.Throws<InvalidDataException>(() => SingleFile.Of(file)).Message);
    }

    private void Survives(MappedFile file)
    {
        try
        {
            using var single = SingleFile.Of(file);
            single.WriteFrame(_folder.Path, null, PredictionType.Epsilon);
        }
        catch (InvalidDataException)
        {
        }
    }
}
