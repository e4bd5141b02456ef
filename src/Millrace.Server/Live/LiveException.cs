namespace Millrace.Server.Live;

/// <summary>Why a connection is closed; 4000 to 4999 are ours, as RFC 6455, section 7.4.2, leaves them to applications.</summary>
internal enum CloseCode
{
    Ended = 1000,
    GoingAway = 1001,
    TooLarge = 1009,
    Malformed = 4000,
    Unauthorized = 4001,
    UnsupportedVersion = 4002,
    Refused = 4003,
    UnknownModel = 4004,
    Deadline = 4008,
    TooFast = 4009,
    SlowReader = 4010,
    TakenOver = 4011,
    StreamFailed = 4500,
}

/// <summary>Ends a connection with a code and a reason that its client is told.</summary>
internal sealed class LiveException(CloseCode code, string reason) : Exception(reason)
{
    public CloseCode Code { get; } = code;

    /// <summary>A refusal in the words of a request, as a close.</summary>
    public static LiveException Of(ProblemException problem) => new(
        problem.Status switch { 401 => CloseCode.Unauthorized, 404 => CloseCode.UnknownModel, 429 or 503 => CloseCode.Refused, _ => CloseCode.Malformed }, problem.Message);
}
