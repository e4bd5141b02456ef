using System.Text.Json;
using System.Text.Json.Serialization;

namespace Millrace.Server.Live;

/// <summary>What a client says in JSON.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(Hello), "hello")]
[JsonDerivedType(typeof(Change), "set")]
[JsonDerivedType(typeof(Ping), "ping")]
internal abstract record ClientMessage
{
    /// <summary>The first message of a connection.</summary>
    /// <param name="Version">Of the protocol.</param>
    /// <param name="Key">Where the server asks for one and the request had none.</param>
    /// <param name="Resume">The token of a stream that lost its connection.</param>
    /// <param name="Model">A name of the server's list; null for the default.</param>
    /// <param name="Settings">Of the new stream.</param>
    public sealed record Hello(int Version, string? Key = null, string? Resume = null, string? Model = null, LiveSettings? Settings = null) : ClientMessage;

    /// <summary>Changes settings, from the next frame on.</summary>
    public sealed record Change(LiveSettings Settings) : ClientMessage;

    /// <summary>Asks for a pong.</summary>
    public sealed record Ping(double At) : ClientMessage;
}

/// <summary>What the server says in JSON.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(Welcome), "welcome")]
[JsonDerivedType(typeof(InForce), "settings")]
[JsonDerivedType(typeof(Refusal), "error")]
[JsonDerivedType(typeof(Figures), "statistics")]
[JsonDerivedType(typeof(Pong), "pong")]
internal abstract record ServerMessage
{
    /// <summary>The answer to a hello.</summary>
    public sealed record Welcome(int Version, string Resume, bool Resumed, string Model, IReadOnlyList<string> Models, long LastFrame, LiveSettings Settings, LiveLimits Limits) : ServerMessage;

    /// <summary>The settings in force after a change.</summary>
    public sealed record InForce(LiveSettings Settings) : ServerMessage;

    /// <summary>A change that was not taken; the stream goes on as before.</summary>
    public sealed record Refusal(string Code, string Message) : ServerMessage;

    /// <summary>The stream's counters; latencies in milliseconds, from a frame's arrival to its picture.</summary>
    public sealed record Figures(long FramesIn, long FramesOut, long FramesDropped, double LatencyP50, double LatencyP95, int Streams, int Steps) : ServerMessage;

    /// <summary>The answer to a ping.</summary>
    public sealed record Pong(double At) : ServerMessage;
}

/// <summary>What a client may do; both sides of a picture are multiples of <paramref name="SizeMultiple"/>.</summary>
internal sealed record LiveLimits(int FrameBytes, int Pixels, int StreamPixels, int Steps, int PromptLength, int MessagesPerSecond, double IdleSeconds, double ResumeSeconds, int SizeMultiple);

/// <summary>Messages to JSON and back; names that the protocol does not know are refused.</summary>
internal static class LiveJson
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        AllowOutOfOrderMetadataProperties = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        NumberHandling = JsonNumberHandling.Strict,
        MaxDepth = 6,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false) },
    };

    /// <exception cref="LiveException">Where it is no message of the protocol.</exception>
    public static ClientMessage Read(ReadOnlySpan<byte> message)
    {
        try
        {
            return JsonSerializer.Deserialize<ClientMessage>(message, Options) ?? throw new LiveException(CloseCode.Malformed, "A message is a JSON object; got null.");
        }
        catch (Exception error) when (error is JsonException or NotSupportedException)
        {
            string where = error is JsonException { Path: { Length: > 1 } path } ? $" at {path}" : "";
            throw new LiveException(CloseCode.Malformed, $"The message is none of protocol version 1{where}; see /v1/stream/schema.json.");
        }
    }

    /// <summary>How a stream's pictures are made, for their metadata.</summary>
    public static string Describe(string model, LiveSettings settings) => JsonSerializer.Serialize(new { model, settings }, Options);

    public static byte[] Write(ServerMessage message) => JsonSerializer.SerializeToUtf8Bytes(message, Options);
}
