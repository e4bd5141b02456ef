using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Millrace.Server.Images;
using Millrace.Server.Live;
using Millrace.Server.Models;
using Millrace.Server.Observability;
using Millrace.Server.Security;
using Millrace.Server.Web;

namespace Millrace.Server;

/// <summary>Puts the server's addresses into a host.</summary>
public static class MillraceEndpoints
{
    /// <summary>Maps streams, pictures, jobs, health, figures, the description of the interface and, by option, the web app.</summary>
    /// <param name="routes">Of a host to which <see cref="MillraceServices.AddMillrace"/> added the services.</param>
    /// <returns>All of them together, for conventions of the host's own.</returns>
    public static RouteGroupBuilder MapMillrace(this IEndpointRouteBuilder routes)
    {
        IServiceProvider services = routes.ServiceProvider;
        MillraceServerOptions options = services.GetRequiredService<MillraceServerOptions>();
        Gate gate = services.GetRequiredService<Gate>();
        RouteGroupBuilder group = routes.MapGroup("");
        group.AddEndpointFilter((context, next) => gate.InvokeAsync(context, next));
        MapHealth(group);
        group.MapGet("/v1/stream", (HttpContext http, LiveEndpoint live) => live.HandleAsync(http)).WithMetadata(new WithoutKey()).ExcludeFromDescription();
        ImageEndpoints.Map(group);
        group.MapGet("/metrics", (ServerMetrics metrics, ModelLibrary library, ImageJobQueue queue) => Results.Text(PrometheusText.Of(metrics, library, queue), PrometheusText.ContentType))
            .WithName("GetMetrics").WithTags("Server");
        group.MapOpenApi("/openapi/{documentName}.json");
        group.Map("/v1/{**rest}", (HttpContext http) => throw new ProblemException(
            StatusCodes.Status404NotFound, "not_found", $"Nothing answers {http.Request.Method} here; /openapi/v1.json says what there is.")).WithMetadata(new WithoutKey()).ExcludeFromDescription();
        EmbeddedFiles.Map(group, options.WebApp);
        return group;
    }

    private static void MapHealth(RouteGroupBuilder group)
    {
        group.MapGet("/healthz", () => new ServerState("alive")).WithMetadata(new WithoutKey()).WithName("GetHealth").WithTags("Server");
        group.MapGet("/readyz", (ModelLibrary library) => library.Ready
            ? Results.Ok(new ServerState("ready", library.DefaultName))
            : throw new ProblemException(StatusCodes.Status503ServiceUnavailable, "not_ready", "The default model is not loaded yet."))
            .WithMetadata(new WithoutKey()).WithName("GetReadiness").WithTags("Server").Produces<ServerState>().ProducesProblem(503);
    }
}
