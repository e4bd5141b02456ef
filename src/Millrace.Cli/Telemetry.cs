using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Millrace.Server;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Millrace.Cli;

/// <summary>Traces and metrics of a server to a collector, where the environment names one as OpenTelemetry has it.</summary>
internal static class Telemetry
{
    private const string ServiceName = "OTEL_SERVICE_NAME";

    private static readonly string[] Endpoints = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"];

    public static void Add(WebApplicationBuilder builder)
    {
        if (Endpoints.All(name => string.IsNullOrEmpty(builder.Configuration[name])))
        {
            return;
        }

        builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService(builder.Configuration[ServiceName] ?? "millrace"))
            .WithTracing(traces => traces.AddSource(MillraceServices.TelemetryName, "Microsoft.AspNetCore").AddOtlpExporter())
            .WithMetrics(metrics => metrics.AddMeter(MillraceServices.TelemetryName, "Microsoft.AspNetCore.Hosting").AddOtlpExporter());
    }
}
