using Millrace.Tests.Support;

namespace Millrace.Tests.Cli;

/// <summary>A small model on disk, for the tests of a class.</summary>
public sealed class TinyModelFolder : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public TinyModelFolder() => TinyModel.Save(_folder.Path);

    public string Path => _folder.Path;

    public void Dispose() => _folder.Dispose();
}
