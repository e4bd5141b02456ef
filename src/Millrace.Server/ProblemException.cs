using Microsoft.AspNetCore.Http;

namespace Millrace.Server;

/// <summary>A request that is refused, for a reason that its sender is told.</summary>
/// <param name="status">HTTP status.</param>
/// <param name="code">The reason in one word, for programs.</param>
/// <param name="message">The reason in one sentence, for people.</param>
/// <param name="parameter">What in the request is wrong; null where it is no part of it.</param>
internal sealed class ProblemException(int status, string code, string message, string? parameter = null) : Exception(message)
{
    public int Status { get; } = status;

    public string Code { get; } = code;

    /// <summary>A problem document (RFC 9457) that holds the error in OpenAI's form too.</summary>
    public IResult ToResult() => Results.Problem(
        Message, statusCode: Status, type: $"urn:millrace:{Code}",
        extensions: new Dictionary<string, object?>
        {
            ["error"] = new { message = Message, type = Status >= 500 ? "server_error" : "invalid_request_error", param = parameter, code = Code },
        });

    public static ProblemException Invalid(string message, string? parameter = null) => new(StatusCodes.Status400BadRequest, "invalid_value", message, parameter);
}
