using NetArchTest.Rules;

namespace Millrace.Tests;

/// <summary>Dependencies point one way.</summary>
public sealed class ArchitectureTests
{
    public static TheoryData<string, string[]> Rules => new()
    {
        { "Processes", ["Solvers", "Guidance", "Models", "Checkpoints", "Streaming", "Training", "Evaluation", "Imaging", "Runtime", "Compression"] },
        { "Solvers", ["Guidance", "Models", "Checkpoints", "Streaming", "Training", "Evaluation", "Imaging", "Runtime", "Compression"] },
        { "Guidance", ["Solvers", "Models", "Checkpoints", "Streaming", "Training", "Evaluation", "Imaging", "Runtime", "Compression"] },
        { "Imaging", ["Processes", "Solvers", "Guidance", "Models", "Checkpoints", "Streaming", "Training", "Evaluation", "Compression"] },
        { "Runtime", ["Processes", "Solvers", "Guidance", "Models", "Checkpoints", "Streaming", "Training", "Evaluation", "Imaging", "Compression"] },
        { "Models", ["Solvers", "Guidance", "Checkpoints", "Streaming", "Training", "Evaluation", "Imaging", "Compression"] },
        { "Checkpoints", ["Guidance", "Streaming", "Training", "Evaluation", "Imaging", "Compression"] },
        { "Streaming", ["Models", "Checkpoints", "Training", "Evaluation", "Compression"] },
        { "Training", ["Distillation", "Streaming", "Evaluation", "Compression"] },
        { "Distillation", ["Streaming", "Evaluation", "Compression"] },
        { "Compression", ["Streaming", "Evaluation", "Pipelines"] },
        { "Runtime.Programs", ["Runtime.Kernels", "Pipelines", "Distillation"] },
    };

    [Theory]
    [MemberData(nameof(Rules))]
    public void A_part_knows_only_what_stands_below_it(string part, string[] above)
    {
        NetArchTest.Rules.TestResult result = Types.InAssembly(typeof(IDenoiser).Assembly)
            .That().ResideInNamespace($"Millrace.{part}")
            .ShouldNot().HaveDependencyOnAny([.. above.Select(name => $"Millrace.{name}")])
            .GetResult();
        Assert.True(result.IsSuccessful, $"Millrace.{part} depends on a part above it: {string.Join(", ", result.FailingTypeNames ?? [])}");
    }
}
