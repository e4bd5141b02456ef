using static TorchSharp.torch;

namespace Millrace.Streaming.Hub;

/// <summary>One call for several streams: their rows side by side through a network, and its answer taken apart again.</summary>
internal static class SharedCall
{
    /// <summary>Calls a network once for all parts of one kind, and tells each part its share of the answer.</summary>
    /// <remarks>Where a call for several parts fails, each is called alone, so that the stream that breaks it breaks alone.</remarks>
    /// <param name="parts">One for each stream.</param>
    /// <param name="kind">What must be equal for rows to share a call.</param>
    /// <param name="rows">Rows of a part.</param>
    /// <param name="network">Answers several parts with one tensor, a row for each of theirs; owned by the current dispose scope.</param>
    /// <param name="answer">Takes a part's rows of the answer, owned by the current dispose scope.</param>
    /// <param name="fail">Told which part failed, and why.</param>
    public static void Run<TPart, TKind>(
        IEnumerable<TPart> parts, Func<TPart, TKind> kind, Func<TPart, int> rows, Func<IReadOnlyList<TPart>, Tensor> network, Action<TPart, Tensor> answer, Action<TPart, Exception> fail)
    {
        foreach (TPart[] alike in parts.GroupBy(kind).Select(group => group.ToArray()))
        {
            using var scope = NewDisposeScope();
            Tensor? all = Try(() => network(alike), out Exception? error);
            if (error is not null && alike.Length > 1)
            {
                foreach (TPart part in alike)
                {
                    Run([part], kind, rows, network, answer, fail);
                }

                continue;
            }

            long at = 0;
            foreach (TPart part in alike)
            {
                int count = rows(part);
                Exception? failure = error;
                if (failure is null)
                {
                    Try(() => answer(part, all!.narrow(0, at, count)), out failure);
                }

                if (failure is not null)
                {
                    fail(part, failure);
                }

                at += count;
            }
        }
    }

    private static Tensor? Try(Func<Tensor> work, out Exception? error)
    {
        Tensor? result = null;
        Try(() => { result = work(); }, out error);
        return result;
    }

    private static void Try(Action work, out Exception? error)
    {
        try
        {
            work();
            error = null;
        }
        catch (Exception thrown) when (thrown is not OutOfMemoryException)
        {
            error = thrown;
        }
    }
}
