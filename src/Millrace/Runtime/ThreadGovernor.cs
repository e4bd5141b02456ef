using static TorchSharp.torch;

namespace Millrace.Runtime;

/// <summary>
/// Runs network calls on all threads, or on one while others need the cores. The threads of an operator wait for one another
/// many hundred times a call; where another program holds one of the cores, each wait can last as long as that program's turn,
/// and a call takes a hundred times as long. One thread alone then is much the faster. Results are the same to rounding.
/// </summary>
/// <remarks>
/// For each number of rows, calls are timed once on one thread. Two calls in a row on all threads that take longer than that
/// send the next ones to one thread, for longer each time it happens again. Used from one thread at a time.
/// </remarks>
internal sealed class ThreadGovernor
{
    private const double Tolerance = 1.5; // a call on all threads over one on a single thread
    private const int Patience = 2, FirstTerm = 32, LongestTerm = 1024;

    private readonly TimeProvider _time;
    private readonly Action<int> _setThreads;
    private readonly int _threads;
    private readonly Dictionary<long, Measurement> _measured = []; // by rows
    private int _slowCalls;
    private int _term = FirstTerm;
    private int _left;

    /// <summary>Starts on all threads.</summary>
    /// <param name="time">Clock.</param>
    /// <param name="threads">Number of all threads; null means libtorch's.</param>
    /// <param name="setThreads">Changes the number; null changes that of the calling thread's operators.</param>
    public ThreadGovernor(TimeProvider time, int? threads = null, Action<int>? setThreads = null) =>
        (_time, _threads, _setThreads) = (time, threads ?? get_num_threads(), setThreads ?? OpenMp.SetThreads);

    /// <summary>Whether calls run on one thread at present, because others need the cores.</summary>
    public bool Alone => _left > 0;

    /// <summary>Runs a call.</summary>
    /// <param name="rows">Its rows: calls of as many rows take as long.</param>
    /// <param name="network">The call.</param>
    public T Run<T>(long rows, Func<T> network)
    {
        if (_threads == 1)
        {
            return network();
        }

        Measurement measured = _measured.GetValueOrDefault(rows);
        bool trial = !Alone && measured.Calls is 1 or 2; // the first call on any number of threads also prepares
        bool single = trial || Alone;
        if (single)
        {
            _setThreads(1);
        }

        try
        {
            long start = _time.GetTimestamp();
            T answer = network();
            Observe(rows, measured, trial, _time.GetElapsedTime(start).TotalSeconds);
            return answer;
        }
        finally
        {
            if (single)
            {
                _setThreads(_threads); // the thread is the caller's, and does other work too
            }
        }
    }

    private void Observe(long rows, Measurement measured, bool trial, double seconds)
    {
        _measured[rows] = new Measurement(measured.Calls + 1, trial || Alone ? seconds : measured.Single);
        if (Alone)
        {
            _left--;
        }
        else if (!trial && measured.Calls > 2)
        {
            _slowCalls = seconds > Tolerance * measured.Single ? _slowCalls + 1 : 0;
            if (_slowCalls == Patience)
            {
                (_left, _term, _slowCalls) = (_term, Math.Min(2 * _term, LongestTerm), 0);
            }
            else if (_slowCalls == 0)
            {
                _term = FirstTerm;
            }
        }
    }

    /// <param name="Calls">Calls so far.</param>
    /// <param name="Single">Seconds of the last one on a single thread.</param>
    private readonly record struct Measurement(int Calls, double Single);
}
