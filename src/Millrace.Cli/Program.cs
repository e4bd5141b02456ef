using System.Runtime.InteropServices;
using Millrace.Cli;

using var cancellation = new CancellationTokenSource();
using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, EndCleanly);
using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, EndCleanly);
return await CommandTree.RunAsync(args, Terminal.OfProcess(), cancellation.Token);

// The first signal lets the command close its output; a second one ends the process as usual.
void EndCleanly(PosixSignalContext signal)
{
    signal.Cancel = !cancellation.IsCancellationRequested;
    cancellation.Cancel();
}
