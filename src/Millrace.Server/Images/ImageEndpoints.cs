using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.AspNetCore.Routing;
using Microsoft.OpenApi;
using Millrace.Server.Models;
using Millrace.Server.Security;

namespace Millrace.Server.Images;

/// <summary>Pictures on request, in OpenAI's form; and the jobs behind them.</summary>
internal static class ImageEndpoints
{
    // Routing would turn bodies of other kinds away without a word; let in, they are told what is allowed.
    private const string AnyBody = "*/*";

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/images/generations", GenerateAsync).WithName("CreateImage").WithTags("Images").Accepts<GenerationBody>("application/json", AnyBody).AddOpenApiOperationTransformer(WithoutAnyBody)
            .WithSummary("Pictures from a prompt. With \"stream\": true, progress and pictures as server-sent events; with the header Prefer: respond-async, a job.")
            .Produces<ImagesResponse>().Produces<JobView>(StatusCodes.Status202Accepted).ProducesProblem(400).ProducesProblem(401).ProducesProblem(429);
        routes.MapPost("/v1/images/edits", EditAsync).WithName("EditImage").WithTags("Images").Accepts<EditForm>("multipart/form-data", AnyBody).AddOpenApiOperationTransformer(WithoutAnyBody).DisableAntiforgery()
            .WithSummary("Pictures from a picture and a prompt; with a mask, only where the mask is transparent.")
            .Produces<ImagesResponse>().Produces<JobView>(StatusCodes.Status202Accepted).ProducesProblem(400).ProducesProblem(401).ProducesProblem(429);
        routes.MapGet("/v1/jobs", ListJobs).WithName("ListJobs").WithTags("Jobs").Produces<JobView[]>();
        routes.MapGet("/v1/jobs/{id}", GetJobAsync).WithName("GetJob").WithTags("Jobs").Produces<JobView>().ProducesProblem(404);
        routes.MapDelete("/v1/jobs/{id}", CancelJob).WithName("CancelJob").WithTags("Jobs").Produces<JobView>().ProducesProblem(404);
        routes.MapGet("/v1/models", (ModelLibrary library) => new ModelList("list", [.. library.Names.Select(name => new ModelView(name, "model", 0, "millrace"))]))
            .WithName("ListModels").WithTags("Models");
    }

    private static Task WithoutAnyBody(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        operation.RequestBody?.Content?.Remove(AnyBody);
        return Task.CompletedTask;
    }

    private static async Task<IResult> GenerateAsync(HttpContext http, MillraceServerOptions options, ImageJobQueue queue, ModelLibrary library, TimeProvider time) =>
        await AnswerAsync(http, await new ImageRequestReader(options).ReadGenerationAsync(http.Request), queue, library, time);

    private static async Task<IResult> EditAsync(HttpContext http, MillraceServerOptions options, ImageJobQueue queue, ModelLibrary library, TimeProvider time) =>
        await AnswerAsync(http, await new ImageRequestReader(options).ReadEditAsync(http.Request), queue, library, time);

    private static async Task<IResult> AnswerAsync(HttpContext http, ImageRequest request, ImageJobQueue queue, ModelLibrary library, TimeProvider time)
    {
        _ = await library.GetAsync(request.Model);
        ImageJob job = queue.Accept(Gate.ClientOf(http), request);
        http.Response.Headers["X-Job-Id"] = job.Id;
        if (http.Request.Headers["Prefer"].Any(value => value?.Contains("respond-async", StringComparison.OrdinalIgnoreCase) == true))
        {
            return Results.Accepted($"/v1/jobs/{job.Id}", new JobView(job.Id, JobState.Accepted, time.GetUtcNow(), request.Count));
        }

        using CancellationTokenRegistration gone = http.RequestAborted.Register(job.Cancel); // nobody waits for it any more
        if (!request.Stream)
        {
            return Results.Json(ImagesResponse.Of(job, await job.Completion, time));
        }

        await ImageEventStream.WriteAsync(http.Response, job, time, http.RequestAborted);
        return Results.Empty;
    }

    private static IEnumerable<JobView> ListJobs(HttpContext http, ImageJobJournal journal) => journal.Of(Gate.ClientOf(http)).Take(100).Select(record => JobView.From(record, null, null));

    private static async Task<JobView> GetJobAsync(HttpContext http, string id, ImageJobJournal journal, ImageJobQueue queue, TimeProvider time)
    {
        JobRecord record = RecordOf(http, id, journal);
        ImageJob? job = queue.Find(id);
        return JobView.From(record, job?.Progress, job is { Completion.IsCompletedSuccessfully: true } ? ImagesResponse.Of(job, await job.Completion, time) : null);
    }

    private static JobView CancelJob(HttpContext http, string id, ImageJobJournal journal, ImageJobQueue queue)
    {
        JobRecord record = RecordOf(http, id, journal);
        if (!record.Ended)
        {
            queue.Find(id)?.Cancel();
        }

        return JobView.From(record, queue.Find(id)?.Progress, null);
    }

    private static JobRecord RecordOf(HttpContext http, string id, ImageJobJournal journal) => journal.Find(id) is { } record && record.Client == Gate.ClientOf(http)
        ? record
        : throw new ProblemException(StatusCodes.Status404NotFound, "job_not_found", "There is no such job.");
}
