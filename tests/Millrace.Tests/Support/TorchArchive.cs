using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using static TorchSharp.torch;

namespace Millrace.Tests.Support;

/// <summary>Writes what <c>torch.save</c> writes, instruction by instruction.</summary>
internal sealed class TorchArchive
{
    private readonly List<byte> _pickle = [0x80, 2];
    private readonly List<byte[]> _storages = [];

    public static byte[] OfTensors(IEnumerable<(string Name, Tensor Tensor)> tensors) => new TorchArchive().Dictionary(archive =>
    {
        foreach ((string name, Tensor tensor) in tensors)
        {
            archive.Text(name).Tensor(tensor);
        }
    }).ToBytes();

    /// <summary>Instructions as they are.</summary>
    public TorchArchive Raw(params byte[] bytes)
    {
        _pickle.AddRange(bytes);
        return this;
    }

    public TorchArchive Text(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        return Raw((byte)'X').Raw(BitConverter.GetBytes(bytes.Length)).Raw(bytes);
    }

    public TorchArchive Number(long number)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
        return Raw(0x8a, 8).Raw(bytes);
    }

    public TorchArchive Global(string module, string name) => Raw(Encoding.UTF8.GetBytes($"c{module}\n{name}\n"));

    public TorchArchive Tuple(params long[] numbers)
    {
        Raw((byte)'(');
        numbers.ToList().ForEach(number => Number(number));
        return Raw((byte)'t');
    }

    /// <summary>An ordered dictionary of what <paramref name="items"/> writes, with attributes as modules hang on it.</summary>
    public TorchArchive Dictionary(Action<TorchArchive> items)
    {
        Global("collections", "OrderedDict").Raw((byte)')', (byte)'R', (byte)'(');
        items(this);
        return Raw((byte)'u', (byte)'}').Text("_metadata").Raw((byte)'}', (byte)'s', (byte)'b');
    }

    public TorchArchive Tensor(Tensor tensor) => Tensor(tensor.contiguous().bytes.ToArray(), StorageOf(tensor.dtype), tensor.numel(), 0, tensor.shape, tensor.contiguous().stride());

    /// <summary>A tensor of any claims.</summary>
    public TorchArchive Tensor(byte[] bytes, string storage, long count, long first, long[] shape, long[] strides)
    {
        _storages.Add(bytes);
        Global("torch._utils", "_rebuild_tensor_v2").Raw((byte)'(', (byte)'(').Text("storage").Global("torch", storage).Text($"{_storages.Count - 1}").Text("cpu").Number(count).Raw((byte)'t', (byte)'Q');
        return Number(first).Tuple(shape).Tuple(strides).Raw(0x89).Global("collections", "OrderedDict").Raw((byte)')', (byte)'R', (byte)'t', (byte)'R');
    }

    /// <summary>The whole file.</summary>
    public byte[] ToBytes(CompressionLevel compression = CompressionLevel.NoCompression, string folder = "archive/", string byteOrder = "little")
    {
        using var file = new MemoryStream();
        using (var zip = new ZipArchive(file, ZipArchiveMode.Create, leaveOpen: true))
        {
            void Add(string name, byte[] bytes)
            {
                using Stream member = zip.CreateEntry(folder + name, compression).Open();
                member.Write(bytes);
            }

            Add("data.pkl", [.. _pickle, (byte)'.']);
            Add("byteorder", Encoding.ASCII.GetBytes(byteOrder));
            for (int index = 0; index < _storages.Count; index++)
            {
                Add($"data/{index}", _storages[index]);
            }
        }

        return file.ToArray();
    }

    private static string StorageOf(ScalarType type) => type switch
    {
        ScalarType.Float64 => "DoubleStorage",
        ScalarType.Float32 => "FloatStorage",
        ScalarType.Float16 => "HalfStorage",
        ScalarType.BFloat16 => "BFloat16Storage",
        ScalarType.Int64 => "LongStorage",
        ScalarType.Byte => "ByteStorage",
        ScalarType.Bool => "BoolStorage",
        _ => throw new ArgumentOutOfRangeException(nameof(type), $"type {type} has no storage here."),
    };
}
