using System.Diagnostics;

namespace Millrace.Benchmarks;

/// <summary>A server as a process of its own, killed when disposed.</summary>
internal sealed class ServerProcess : IDisposable
{
    private readonly Process _process;

    private ServerProcess(Process process) => _process = process;

    /// <summary>Where it listens.</summary>
    public Uri Address { get; private set; } = null!;

    /// <summary>Starts it, and waits until it says its address, which is the last word of its first line.</summary>
    /// <exception cref="InvalidOperationException">Where it ends before; with what it said.</exception>
    public static async Task<ServerProcess> StartAsync(ProcessStartInfo start, CancellationToken cancellationToken)
    {
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        foreach (string setting in start.Environment.Keys.Where(name => name.StartsWith("Millrace__", StringComparison.OrdinalIgnoreCase)).ToArray())
        {
            start.Environment.Remove(setting); // the figures are those of the server as it comes
        }

        start.Environment["Millrace__MessagesPerSecond"] = "100000"; // no limit is measured
        var server = new ServerProcess(Process.Start(start)!);
        try
        {
            string? line = await server._process.StandardOutput.ReadLineAsync(cancellationToken);
            if (line is null)
            {
                throw new InvalidOperationException($"The server did not start: {(await server._process.StandardError.ReadToEndAsync(cancellationToken)).Trim()}");
            }

            server.Address = new Uri(line[(line.LastIndexOf(' ') + 1)..]);
            server._process.BeginErrorReadLine(); // what it says fills no pipe
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
    }
}
