using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Millrace.Tests.Browser;

/// <summary><c>millrace serve</c> as a process of its own, on the shipped model: it can be killed, and started again at the same address.</summary>
internal sealed class StudioServer : IDisposable
{
    private readonly string _data = Directory.CreateTempSubdirectory("millrace-").FullName;
    private readonly int _port = FreePort();
    private Process _process;

    public StudioServer() => _process = Start();

    public string Address => $"http://localhost:{_port}/";

    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    public void Restart() => _process = Start();

    /// <summary>Waits until the model is loaded.</summary>
    public async Task<StudioServer> ReadyAsync()
    {
        using var http = new HttpClient { BaseAddress = new Uri(Address) };
        while (true)
        {
            try
            {
                if ((await http.GetAsync("readyz", TestContext.Current.CancellationToken)).StatusCode == HttpStatusCode.OK)
                {
                    return this;
                }
            }
            catch (HttpRequestException)
            {
                Assert.False(_process.HasExited, "The server ended while it was to start.");
            }

            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }

    public void Dispose()
    {
        Kill();
        _process.Dispose();
        Directory.Delete(_data, recursive: true);
    }

    private Process Start()
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Millrace.Cli.dll"), "serve", "emoji", "--port", $"{_port}", "--data", _data])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["Millrace__StreamsPerClient"] = "32" },
        };
        Process process = Process.Start(start)!;
        process.BeginOutputReadLine(); // what it says fills no pipe
        process.BeginErrorReadLine();
        return process;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
