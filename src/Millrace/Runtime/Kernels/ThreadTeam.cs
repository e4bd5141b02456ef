using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Millrace.Runtime.Kernels;

/// <summary>
/// Runs the jobs of a kernel on libtorch's own OpenMP threads. A second pool beside it would fight for the cores: after each of
/// its operations libtorch's threads spin for about a millisecond, waiting for the next. Where there is no GNU OpenMP
/// (Windows, macOS), the thread pool of .NET takes its place.
/// </summary>
internal static unsafe class ThreadTeam
{
    /// <summary>Runs <paramref name="job"/> for 0..<paramref name="count"/>-1 and waits for all; a job must not throw.</summary>
    /// <param name="count">Number of jobs, handed out one by one.</param>
    /// <param name="state">Passed to every job.</param>
    /// <param name="job">The body: (state, index of the job).</param>
    public static void Run<T>(int count, ref T state, delegate*<ref T, int, void> job)
        where T : unmanaged
    {
        int threads = Math.Min(count, TorchSharp.torch.get_num_threads());
        fixed (T* pointer = &state)
        {
            var team = new Team { Job = (delegate*<ref byte, int, void>)job, State = (byte*)pointer, Count = count };
            if (threads <= 1)
            {
                team.Work();
            }
            else if (OpenMp.Parallel != null)
            {
                OpenMp.Parallel(&Enter, &team, (uint)threads, 0);
            }
            else
            {
                nint address = (nint)(&team);
                Parallel.For(0, threads, _ => ((Team*)address)->Work());
            }
        }
    }

    [UnmanagedCallersOnly]
    private static void Enter(void* team) => ((Team*)team)->Work();

    private struct Team
    {
        public delegate*<ref byte, int, void> Job;
        public byte* State;
        public int Count;
        private int _next;

        public void Work()
        {
            for (int index = Interlocked.Increment(ref _next) - 1; index < Count; index = Interlocked.Increment(ref _next) - 1)
            {
                Job(ref Unsafe.AsRef<byte>(State), index);
            }
        }
    }
}
