using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Millrace.Compiler;
using Millrace.Tests.Support;

namespace Millrace.Tests.Compiler;

public sealed class GeneratorTests
{
    private const string Frame =
        """
        using System;
        using Millrace.Runtime.Programs;
        using static TorchSharp.torch;
        using static TorchSharp.torch.nn;

        namespace Example;

        public sealed partial class Network
        {
            private readonly TorchSharp.Modules.Linear _layer = Linear(4, 4);
            private Tensor _field = zeros(1);
            private readonly Generator _generator = new();

            [Kept]
            private Tensor? _cache;

        METHOD
        }
        """;

    private static readonly MetadataReference[] References =
    [
        .. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => Path.GetFileName(path) is var name && (name.StartsWith("System.", StringComparison.Ordinal) || name is "TorchSharp.dll" or "Millrace.dll" or "netstandard.dll"))
            .Select(path => MetadataReference.CreateFromFile(path)),
    ];

    [Fact]
    public void A_method_is_cut_at_its_branches_as_the_snapshot_says()
    {
        (string text, ImmutableArray<Diagnostic> diagnostics) = Generate(
            """
                [DynamicNetwork(MaxIterations = 50)]
                public (Tensor, Tensor) Forward(Tensor x, bool isKey, double rate)
                {
                    Tensor h = functional.relu(_layer.call(x));
                    if (isKey)
                    {
                        // What the next call finds.
                        _cache = h.tanh();
                    }

                    if ((bool)h.mean().gt(0.5))
                    {
                        return (h, _cache!);
                    }

                    while ((h.abs().amax([1]) > 1).item<bool>())
                    {
                        h = h * rate;
                        if ((bool)h.sum().lt(0))
                        {
                            break;
                        }
                    }

                    int rounds = isKey.GetHashCode() + 2;
                    for (int i = 0; i < rounds; i++)
                    {
                        h -= _layer.call(h);
                    }

                    for (int i = 0; i < 3; i++)
                    {
                        h = h.cumsum(i - i);
                    }

                    return (h + x, h);
                }
            """);
        Assert.Empty(diagnostics);
        string file = Path.Combine(SourceTree.Root, "tests", "Millrace.Tests", "Fixtures", "Compiler", "Network.Forward.g.cs.txt");
        if (Environment.GetEnvironmentVariable("MILLRACE_WRITE_SNAPSHOTS") == "1")
        {
            File.WriteAllText(file, text);
        }

        Assert.Equal(File.ReadAllText(file), text);
    }

    public static TheoryData<string, string, string> Refused => new()
    {
        { "MILL001", "return Forward(x);", "Line 19 of 'Forward' calls a dynamic network of its own class; write it as a loop, or call it from outside" },
        { "MILL002", "_field = x; return x;", "Line 19 of 'Forward' changes something beside its local variables ('_field'); return it, or mark a field that the next call finds with [Kept]" },
        { "MILL002", "Tensor y = x.add_(x); return y;", "Line 19 of 'Forward' changes something beside its local variables ('add_' writes into its tensor); return it, or mark a field that the next call finds with [Kept]" },
        { "MILL002", "Console.WriteLine(1); return x;", "Line 19 of 'Forward' changes something beside its local variables ('Console.WriteLine(1)'); return it, or mark a field that the next call finds with [Kept]" },
        { "MILL003", "while ((bool)x.sum().gt(1)) { x = x * x; } return x;", "Line 19 of 'Forward' is a while loop without a limit; write [DynamicNetwork(MaxIterations = ...)]" },
        { "MILL004", "Tensor y = (bool)x.sum().gt(1) ? x : x * x; return y;", "Line 19 of 'Forward' chooses within an expression ('(bool)x.sum().gt(1) ? x : x * x'); write it as an if, or as torch.where for every element" },
        { "MILL005", "Tensor y = x * rand(4); return y;", "Line 19 of 'Forward' draws random numbers ('rand') without a generator; give it one, or take the numbers as an argument" },
        {
            "MILL006", "for (int i = 3; i > 0; i--) { x = x * x; } return x;",
            "Line 19 of 'Forward' is a for loop that does not count from 0 by 1 to a number that its body leaves alone; a dynamic network is made of assignments to local variables, if, while, for from 0 upwards, break and return"
        },
        {
            "MILL006", "foreach (var y in new[] { x }) { x = y; } return x;",
            "Line 19 of 'Forward' is a 'foreach' statement; a dynamic network is made of assignments to local variables, if, while, for from 0 upwards, break and return"
        },
        {
            "MILL008", "var list = new[] { x }; if ((bool)x.sum().gt(1)) { return list[0]; } return x;",
            "Line 19 of 'Forward' passes 'list' on to another part; between parts there are tensors, int, long, float, double and bool alone"
        },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_is_out_of_scope_is_said_in_a_sentence_with_its_line(string rule, string body, string message)
    {
        (string text, ImmutableArray<Diagnostic> diagnostics) = Generate($"    [DynamicNetwork]\n    public Tensor Forward(Tensor x) {{\n{body} }}");
        Diagnostic diagnostic = Assert.Single(diagnostics);
        Assert.Equal(rule, diagnostic.Id);
        Assert.Equal(message, diagnostic.GetMessage(System.Globalization.CultureInfo.InvariantCulture));
        Assert.Empty(text);
    }

    [Theory]
    [InlineData("public Tensor Forward(Tensor x) => x;", "has no body of statements")]
    [InlineData("public Tensor Forward(string x) { return _field; }", "takes 'x', which is neither a tensor nor a number")]
    [InlineData("public Tensor Forward(ref Tensor x) { return x; }", "takes an argument by reference")]
    public void A_method_that_cannot_be_one_is_refused(string method, string message)
    {
        Diagnostic diagnostic = Assert.Single(Generate($"    [DynamicNetwork]\n    {method}").Diagnostics);
        Assert.Contains(message, diagnostic.GetMessage(System.Globalization.CultureInfo.InvariantCulture), StringComparison.Ordinal);
    }

    [Fact]
    public void What_draws_from_a_generator_is_not_pure()
    {
        (string text, ImmutableArray<Diagnostic> diagnostics) = Generate(
            "    [DynamicNetwork]\n    public Tensor Forward(Tensor x) { if ((bool)x.sum().gt(1)) { x = x + rand([4], generator: _generator); } return x; }");
        Assert.Empty(diagnostics);
        Assert.Contains("IsPure = false", text, StringComparison.Ordinal);
    }

    private static (string Text, ImmutableArray<Diagnostic> Diagnostics) Generate(string method)
    {
        SyntaxTree source = CSharpSyntaxTree.ParseText(Frame.Replace("METHOD", method, StringComparison.Ordinal), cancellationToken: TestContext.Current.CancellationToken);
        var before = CSharpCompilation.Create(
            "Example", [source], References, new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable));
        CSharpGeneratorDriver.Create(new DynamicNetworkGenerator()).RunGeneratorsAndUpdateCompilation(
            before, out Compilation after, out ImmutableArray<Diagnostic> diagnostics, TestContext.Current.CancellationToken);
        if (diagnostics.IsEmpty)
        {
            Assert.Empty(after.GetDiagnostics(TestContext.Current.CancellationToken).Where(one => one.Severity == DiagnosticSeverity.Error).Select(one => one.ToString()));
        }

        return (string.Concat(after.SyntaxTrees.Skip(1).Select(tree => tree.ToString())), diagnostics);
    }
}
