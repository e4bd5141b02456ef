using System.Collections.Concurrent;
using Millrace.Checkpoints;
using Millrace.Tests.Cli;
using Millrace.Tests.Support;

namespace Millrace.Tests.Pipelines;

/// <summary>Tiny models of every family, each written and loaded once.</summary>
public sealed class TinyFolderFixture : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ConcurrentDictionary<string, Lazy<DiffusionModel>> _models = [];

    public DiffusionModel Model(string name) => _models.GetOrAdd(name, _ => new(() => DiffusersFolder.Load(Folder(name)))).Value;

    public string Folder(string name)
    {
        string path = Path.Combine(_folder.Path, name);
        return Directory.Exists(path) ? path : TinyFolders.Write(name, path);
    }

    public void Dispose()
    {
        foreach (Lazy<DiffusionModel> model in _models.Values)
        {
            model.Value.Dispose();
        }

        _folder.Dispose();
    }
}
