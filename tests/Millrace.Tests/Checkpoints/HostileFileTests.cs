using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using Millrace.Checkpoints;
using Millrace.Tests.Cli;
using Millrace.Tests.Support;
using static TorchSharp.torch;

namespace Millrace.Tests.Checkpoints;

/// <summary>Files made by chance: each is either read or refused with <see cref="InvalidDataException"/>, never anything else.</summary>
public sealed class HostileFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Target => _folder.File("tensors.safetensors");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Random_bytes() => Gen.Byte.Array[0, 200].Sample(Survives, iter: 3000, threads: 1);

    [Fact]
    public void Random_headers()
    {
        Gen<string> number = Gen.OneOf(Gen.Long.Select(value => value.ToString()), Gen.Int[0, 16].Select(value => value.ToString()), Gen.OneOf("1.5", "null", "\"x\"", "1e300", "[]"));
        Gen<string> list = number.Array[0, 4].Select(items => $"[{string.Join(',', items)}]");
        Gen<string> type = Gen.OneOf("\"F32\"", "\"I8\"", "\"BOOL\"", "\"BF16\"", "\"F4\"", "7", "null");
        Gen<string> entry = Gen.Select(Gen.OneOf("a", "b", "__metadata__"), type, list, list)
            .Select(item => $"\"{item.Item1}\":{{\"dtype\":{item.Item2},\"shape\":{item.Item3},\"data_offsets\":{item.Item4}}}");
        Gen.Select(entry.Array[0, 3], Gen.Int[0, 64]).Sample(
            item => Survives([.. Framed($"{{{string.Join(',', item.Item1)}}}"), .. new byte[item.Item2]]), iter: 5000, threads: 1);
    }

    [Fact]
    public void Valid_files_with_changes()
    {
        using var scope = NewDisposeScope();
        SafetensorsWriter.Write(Target, [KeyValuePair.Create("a", rand(2, 3)), KeyValuePair.Create("b", ones(5, dtype: int8))], new Dictionary<string, string> { ["k"] = "v" });
        byte[] valid = File.ReadAllBytes(Target);
        Gen<(int Position, byte Value)[]> changes = Gen.Select(Gen.Int[0, valid.Length - 1], Gen.Byte).Array[0, 4];
        Gen.Select(changes, Gen.Int[0, valid.Length + 8]).Sample(
            item =>
            {
                byte[] bytes = [.. valid];
                foreach ((int position, byte value) in item.Item1)
                {
                    bytes[position] = value;
                }

                Array.Resize(ref bytes, item.Item2);
                Survives(bytes);
            },
            iter: 5000,
            threads: 1);
    }

    [Theory]
    [InlineData("unet/config.json")]
    [InlineData("vae/config.json")]
    [InlineData("text_encoder/config.json")]
    [InlineData("scheduler/scheduler_config.json")]
    [InlineData("tokenizer/tokenizer_config.json")]
    [InlineData("tokenizer/vocab.json")]
    [InlineData("tokenizer/merges.txt")]
    [InlineData("model_index.json")]
    public void Configurations_with_changed_characters(string file)
    {
        TinyModel.Save(_folder.Path);
        byte[] valid = File.ReadAllBytes(_folder.File(file));
        Gen.Select(Gen.Int[0, valid.Length - 1], Gen.OneOf((byte)'"', (byte)'{', (byte)',', (byte)'0', (byte)'-', (byte)'x', (byte)0, (byte)0xff, (byte)'\\')).Sample(
            change =>
            {
                byte[] bytes = [.. valid];
                bytes[change.Item1] = change.Item2;
                File.WriteAllBytes(_folder.File(file), bytes);
                Survives(() => DiffusersFolder.Load(_folder.Path).Dispose());
            },
            iter: 40,
            threads: 1);
    }

    [Theory]
    [InlineData("unet/config.json")]
    [InlineData("vae/config.json")]
    [InlineData("text_encoder/config.json")]
    [InlineData("scheduler/scheduler_config.json")]
    public void Configurations_with_changed_values(string file)
    {
        TinyModel.Save(_folder.Path);
        string valid = File.ReadAllText(_folder.File(file));
        string[] fields = [.. JsonNode.Parse(valid)!.AsObject().Select(field => field.Key)];
        Gen<string> values = Gen.OneOf(
            "null", "true", "0", "-1", "3", "1.5", "1e999", "64", "1000000", "2000000000", "2147483648", "\"\"", "\"\\ud800\"", "[]", "[1, 2, 3]", "[0, 0]", "[1000000, 1000000]", "[2000000000, 1]", "[\"x\", null]", "{}", "[[1], [2]]");
        Gen.Select(Gen.OneOf(fields), values).Sample(
            change =>
            {
                // By text, for some of the values are more than the writer of JSON would write.
                JsonObject config = JsonNode.Parse(valid)!.AsObject();
                config[change.Item1] = "@";
                _folder.Write(file, config.ToJsonString().Replace("\"@\"", change.Item2));
                Survives(() => DiffusersFolder.Load(_folder.Path).Dispose());
            },
            iter: 100,
            threads: 1);
    }

    private static byte[] Framed(string header) => [.. BitConverter.GetBytes((long)Encoding.UTF8.GetByteCount(header)), .. Encoding.UTF8.GetBytes(header)];

    private static void Survives(Action read)
    {
        try
        {
            read();
        }
        catch (InvalidDataException error)
        {
            Assert.NotEmpty(error.Message);
        }
    }

    private void Survives(byte[] bytes)
    {
        File.WriteAllBytes(Target, bytes);
        Survives(() =>
        {
            using SafetensorsFile file = SafetensorsFile.Open(Target);
            foreach (SafetensorsEntry entry in file.Entries)
            {
                file.Read(entry.Name).Dispose();
            }
        });
    }
}
