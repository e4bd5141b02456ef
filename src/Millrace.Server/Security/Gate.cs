using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Millrace.Streaming.Hub;

namespace Millrace.Server.Security;

/// <summary>What every request passes: safe headers, host and origin, key, rate; and, on the way back, errors as problem documents.</summary>
internal sealed partial class Gate(MillraceServerOptions options, ClientQuotas quotas, ILogger<Gate> logger) : IEndpointFilter
{
    private const string ContentSecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    private readonly byte[][] _keys = [.. options.ApiKeys.Select(Hash)];

    /// <summary>Whether a key is asked for.</summary>
    public bool AsksForKey => _keys.Length > 0;

    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        HttpContext http = context.HttpContext;
        try
        {
            SetHeaders(http);
            CheckHostAndOrigin(http.Request);
            if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } body)
            {
                body.MaxRequestBodySize = options.MaximumBodyBytes;
            }

            bool open = http.GetEndpoint()?.Metadata.GetMetadata<WithoutKey>() is not null;
            string client = open ? Address(http) : ClientOf(http, KeyOf(http.Request));
            quotas.CountRequest(client);
            http.Items[typeof(Gate)] = client;
            return await next(context);
        }
        catch (Exception error) when (!http.Response.HasStarted)
        {
            return Explain(error, http).ToResult();
        }
    }

    /// <summary>Who sent a request that has passed.</summary>
    public static string ClientOf(HttpContext http) => (string)http.Items[typeof(Gate)]!;

    /// <summary>Who sends, by key or, where none is asked for, by address.</summary>
    /// <exception cref="ProblemException">Where the key is missing or wrong, or the server answers this machine only.</exception>
    public string ClientOf(HttpContext http, string? key)
    {
        if (!AsksForKey)
        {
            return http.Connection.RemoteIpAddress is not { } address || IPAddress.IsLoopback(address)
                ? Address(http)
                : throw new ProblemException(StatusCodes.Status401Unauthorized, "no_keys", "This server has no keys, and answers requests from its own machine only.");
        }

        byte[] hash = Hash(key ?? "");
        return _keys.Aggregate(false, (known, one) => known | CryptographicOperations.FixedTimeEquals(one, hash))
            ? "key " + Convert.ToHexStringLower(hash.AsSpan(0, 6))
            : throw new ProblemException(StatusCodes.Status401Unauthorized, "invalid_api_key", "A valid key is needed, in the header Authorization: Bearer KEY.");
    }

    /// <summary>The key in a request's header; null where there is none.</summary>
    public static string? KeyOf(HttpRequest request) =>
        request.Headers.Authorization.ToString() is { } header && header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase) ? header[7..].Trim() : null;

    private void CheckHostAndOrigin(HttpRequest request)
    {
        // A page elsewhere that points its own name at this machine would be of "the same origin": only names of this machine count.
        if (!AsksForKey && request.Host.Host is var host && !(host is "localhost" or "[::1]" || (IPAddress.TryParse(host, out IPAddress? address) && IPAddress.IsLoopback(address))))
        {
            throw new ProblemException(StatusCodes.Status421MisdirectedRequest, "wrong_host", "This server has no keys, and answers under names of its own machine only.");
        }

        if (request.Headers.Origin.ToString() is { Length: > 0 } origin && origin != $"{request.Scheme}://{request.Host}" && !options.AllowedOrigins.Contains(origin))
        {
            throw new ProblemException(StatusCodes.Status403Forbidden, "wrong_origin", "Pages of this origin may not call this server.");
        }
    }

    private ProblemException Explain(Exception error, HttpContext http)
    {
        switch (error)
        {
            case ProblemException problem:
                return problem;
            case OperationCanceledException:
            case var _ when http.RequestAborted.IsCancellationRequested:
                return new(StatusCodes.Status499ClientClosedRequest, "cancelled", "The request was cancelled.");
            case StreamRefusedException:
                return new(StatusCodes.Status503ServiceUnavailable, "full", error.Message);
            case BadHttpRequestException bad:
                return new(bad.StatusCode, "bad_request", bad.Message);
            case ArgumentException or InvalidDataException:
                return ProblemException.Invalid(error.Message);
            default:
                LogFailure(logger, error, http.Request.Path);
                return new(StatusCodes.Status500InternalServerError, "internal", "The server failed; its log says why.");
        }
    }

    private static void SetHeaders(HttpContext http)
    {
        IHeaderDictionary headers = http.Response.Headers;
        headers.ContentSecurityPolicy = ContentSecurityPolicy;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers["Permissions-Policy"] = "camera=(self), display-capture=(self), microphone=(), geolocation=(), payment=(), usb=()";
        headers.CacheControl = "no-store";
    }

    private static string Address(HttpContext http) => "address " + (http.Connection.RemoteIpAddress?.ToString() ?? "here");

    private static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));

    [LoggerMessage(Level = LogLevel.Error, Message = "A request for {Path} failed.")]
    private static partial void LogFailure(ILogger logger, Exception error, string path);
}

/// <summary>Marks an endpoint that asks for no key.</summary>
internal sealed class WithoutKey;
