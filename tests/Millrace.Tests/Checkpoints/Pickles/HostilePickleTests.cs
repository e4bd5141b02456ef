using CsCheck;
using Millrace.Checkpoints;
using Millrace.Checkpoints.Pickles;
using Millrace.Tests.Cli;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Checkpoints.Pickles;

/// <summary>Pickles made by chance and by malice: each is either read or refused with <see cref="InvalidDataException"/>, never anything else.</summary>
public sealed class HostilePickleTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Target => _folder.File("weights.pth");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Valid_files_with_changes()
    {
        using var scope = NewDisposeScope();
        byte[] valid = TorchArchive.OfTensors([("a", rand(2, 3)), ("b", rand(4).to(float16))]);
        Gen<(int Position, byte Value)[]> changes = Gen.Select(Gen.Int[0, valid.Length - 1], Gen.Byte).Array[1, 4];
        changes.Sample(
            changed =>
            {
                byte[] bytes = [.. valid];
                foreach ((int position, byte value) in changed)
                {
                    bytes[position] = value;
                }

                Survives(bytes);
            },
            iter: 5000,
            threads: 1);
    }

    [Fact]
    public void Every_truncation()
    {
        using var scope = NewDisposeScope();
        byte[] valid = TorchArchive.OfTensors([("a", ones(2))]);
        Assert.All(Enumerable.Range(0, valid.Length), length => Survives(valid[..length]));
    }

    [Fact]
    public void Random_instructions()
    {
        byte[] codes = [.. "NKMJGXTCB(]lae)t}dsu012qrhjcRQb."u8, 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x8d, 0x8e, 0x85, 0x86, 0x87, 0x93, 0x94, 0x95];
        Gen.OneOf(Gen.Int[0, codes.Length - 1].Select(index => codes[index]), Gen.Byte[0, 4], Gen.Byte).Array[0, 60]
            .Sample(instructions => Survives(new TorchArchive().Raw(instructions).ToBytes()), iter: 5000, threads: 1);
    }

    [Fact]
    public void Nesting_of_a_million_costs_no_stack()
    {
        byte[] lists = Repeated(900_000, [(byte)']']), dictionaries = Repeated(300_000, [(byte)'}', (byte)'N']), tuples = Repeated(1_000_000, [0x85]);
        Survives(new TorchArchive().Raw(lists).Raw(Repeated(899_999, [(byte)'a'])).ToBytes());
        Survives(new TorchArchive().Raw(dictionaries).Raw(Repeated(299_999, [(byte)'s'])).ToBytes());
        Survives(new TorchArchive().Raw((byte)')').Raw(tuples).ToBytes());
        Survives(new TorchArchive().Raw(Repeated(1_000_000, [(byte)'('])).ToBytes());
    }

    [Fact]
    public void More_values_than_weights_have_are_refused() =>
        Refused(new TorchArchive().Raw(Repeated(2_100_000, [(byte)'}'])).ToBytes(), "it holds more than 2000000 values");

    [Fact]
    public void A_dictionary_that_holds_itself_or_doubles_itself_ends()
    {
        var itself = new TorchArchive().Raw((byte)'}', (byte)'q', 0).Text("a").Raw((byte)'h', 0, (byte)'s');
        Survives(itself.ToBytes());
        var doubling = new TorchArchive().Raw((byte)'}', (byte)'q', 0);
        for (byte level = 1; level < 40; level++)
        {
            doubling.Raw((byte)'}', (byte)'q', level).Text("a").Raw((byte)'h', (byte)(level - 1), (byte)'s').Text("b").Raw((byte)'h', (byte)(level - 1), (byte)'s');
        }

        Survives(doubling.ToBytes());
    }

    [Fact]
    public void A_dictionary_that_holds_itself_many_times_ends()
    {
        var wide = new TorchArchive().Raw((byte)'}', (byte)'q', 0);
        for (int item = 0; item < 200; item++)
        {
            wide.Text($"{item}").Raw((byte)'h', 0, (byte)'s');
        }

        Refused(wide.ToBytes(), "it holds more than 1000000 entries");
    }

    [Theory]
    [InlineData("h\u0007", "it recalls value 7, which it never stored")]
    [InlineData("q\0", "that is not there")]
    [InlineData("t", "that is not there")]
    [InlineData("(0", "that is not there")]
    [InlineData("X\u007f\u007f\u007f\u007f", "it ends within a value")]
    [InlineData("NNs", "that is not there")]
    [InlineData("NNNs", "items are put into what is no dictionary")]
    [InlineData("NNa", "something is appended to what is no list")]
    [InlineData("N)R", "something is called that is no function")]
    [InlineData("NQ", "a persistent id is not")]
    [InlineData("N}b", "attributes are set on something other than a dictionary")]
    public void Misuse_of_the_machine_is_refused(string instructions, string reason) =>
        Refused(new TorchArchive().Raw([.. instructions.Select(code => (byte)code)]).ToBytes(), reason);

    private static byte[] Repeated(int count, byte[] unit) => [.. Enumerable.Repeat(unit, count).SelectMany(bytes => bytes)];

    private void Survives(byte[] bytes)
    {
        File.WriteAllBytes(Target, bytes);
        try
        {
            using var file = PickleFile.Open(Target);
            foreach (TensorEntry entry in file.Entries)
            {
                file.Read(entry.Name).Dispose();
            }
        }
        catch (InvalidDataException)
        {
        }
    }

    private void Refused(byte[] bytes, string reason)
    {
        File.WriteAllBytes(Target, bytes);
        Assert.Contains(reason, Assert.Throws<InvalidDataException>(() => PickleFile.Open(Target)).Message, StringComparison.Ordinal);
    }
}
