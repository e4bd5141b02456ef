using Millrace.Tests.Support;

namespace Millrace.Tests;

/// <summary>What the README shows is what the project builds.</summary>
public sealed class ReadmeTests
{
    [Fact]
    public void The_example_is_the_sample_that_the_solution_builds()
    {
        string root = SourceTree.Root;
        string sample = File.ReadAllText(Path.Combine(root, "samples", "FirstStream", "Program.cs")).Trim();
        Assert.Contains(sample, File.ReadAllText(Path.Combine(root, "README.md")), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_file_that_a_document_links_to_is_there()
    {
        string root = SourceTree.Root;
        foreach (string document in Directory.EnumerateFiles(root, "*.md").Concat(Directory.EnumerateFiles(Path.Combine(root, "docs"), "*.md", SearchOption.AllDirectories)))
        {
            foreach (System.Text.RegularExpressions.Match link in System.Text.RegularExpressions.Regex.Matches(File.ReadAllText(document), @"\]\(([^)#:]+)\)"))
            {
                Assert.True(Path.Exists(Path.Combine(Path.GetDirectoryName(document)!, link.Groups[1].Value)), $"{document} links to {link.Groups[1].Value}");
            }
        }
    }

    [Fact]
    public void The_tests_and_solvers_that_the_page_of_models_names_are_there()
    {
        string page = File.ReadAllText(Path.Combine(SourceTree.Root, "docs", "models.md"));
        HashSet<string> known = [.. new[] { typeof(ReadmeTests), typeof(IDenoiser) }.SelectMany(one => one.Assembly.GetTypes()).Select(type => type.Name)];
        string[] named = [.. System.Text.RegularExpressions.Regex.Matches(page, @"`(\w+(?:Tests|Solver))`").Select(match => match.Groups[1].Value)];
        Assert.NotEmpty(named);
        Assert.All(named, name => Assert.Contains(name, known));
    }
}
