using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.StaticFiles;
using Microsoft.Net.Http.Headers;
using Millrace.Server.Security;

namespace Millrace.Server.Web;

/// <summary>The files in the assembly, each at an address of its own: no request is ever turned into a path.</summary>
internal static class EmbeddedFiles
{
    private const string WebRoot = "wwwroot/", Index = "index.html", Schema = "protocol.schema.json";
    private static readonly Assembly Assembly = typeof(EmbeddedFiles).Assembly;
    private static readonly FileExtensionContentTypeProvider Types = new();

    public static void Map(IEndpointRouteBuilder routes, bool webApp)
    {
        Map(routes, "/v1/stream/schema.json", Schema);
        foreach (string name in webApp ? Assembly.GetManifestResourceNames().Where(name => name.StartsWith(WebRoot, StringComparison.Ordinal)) : [])
        {
            string path = name[WebRoot.Length..].Replace('\\', '/');
            Map(routes, path == Index ? "/" : $"/{path}", name);
        }
    }

    private static void Map(IEndpointRouteBuilder routes, string address, string resource)
    {
        byte[] bytes = Read(resource);
        string type = Types.TryGetContentType(resource, out string? known) ? known : "application/octet-stream";
        var tag = new EntityTagHeaderValue($"\"{Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(bytes).AsSpan(0, 8))}\"");
        routes.MapGet(address, (HttpContext http) =>
        {
            http.Response.Headers.CacheControl = "no-cache"; // asks each time, and is told where nothing changed
            return Results.Bytes(bytes, type.StartsWith("text/", StringComparison.Ordinal) ? $"{type}; charset=utf-8" : type, entityTag: tag);
        }).WithMetadata(new WithoutKey()).ExcludeFromDescription();
    }

    private static byte[] Read(string resource)
    {
        using Stream stream = Assembly.GetManifestResourceStream(resource)!;
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
