using System.CommandLine;
using System.Globalization;
using Millrace.Recipes;
using Millrace.Recipes.Emoji;
using Millrace.Runtime;

namespace Millrace.Cli.Commands;

/// <summary>millrace recipe: small experiments that show what methods from the literature claim.</summary>
internal static class RecipeCommand
{
    private const string Summary = "Run small experiments that show what methods from the literature claim.";

    private const string RunDetails = """
        Runs the method and its baseline in one process, with three seeds (smoke: one), and prints each part of the claim with the
        figure that was found. DIR gets record.json, plot.png, and logs and checkpoints of all training, from which an ended run
        goes on.

        Examples:
          millrace recipe list
          millrace recipe run rectified-flow --scale smoke
          millrace recipe run rectified-flow --output runs/rectified-flow

        Exit code 0 when the claim reproduces, 1 when it does not; smoke only shows that everything runs, and is 0.
        """;

    private const string PageDetails = "Reads DIR/*.json and prints the page docs/systems.md.";

    private static readonly Argument<string> Name = new("NAME") { Description = "A recipe that \"millrace recipe list\" lists." };

    private static readonly Option<RecipeScale> Scale = new Option<RecipeScale>("--scale") { Description = "smoke: seconds; small: minutes; full: longer.", DefaultValueFactory = _ => RecipeScale.Small }.AmongNames();

    private static readonly Option<string?> Output = new("--output", "-o") { Description = "Folder of the run. Without it runs/NAME.", HelpName = "DIR" };

    private static readonly Argument<string> Records = new("DIR") { Description = "Folder of records." };

    public static Command Create(Terminal terminal)
    {
        var list = new Command("list", "List the recipes.");
        list.SetAction(_ =>
        {
            foreach (Recipe recipe in RecipeBook.All)
            {
                terminal.WriteLine($"{recipe.Name,-28}{recipe.Claim}");
            }
        });

        var run = new DetailedCommand("run", "Run a recipe.", RunDetails) { Name, Scale, Output };
        run.SetAction((parsed, cancellationToken) => Task.Run(() => Run(parsed, terminal, cancellationToken), cancellationToken));

        var page = new DetailedCommand("page", "Print the page of systems.", PageDetails) { Records };
        page.SetAction(parsed => terminal.Output.Write(SystemsPage.Write(
            [.. Directory.EnumerateFiles(parsed.GetRequiredValue(Records), "*.json").Order(StringComparer.Ordinal).Select(RecipeRecordFile.Read)])));

        return new Command("recipe", Summary) { list, run, page, EmojiCommand.Create() };
    }

    private static int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellationToken)
    {
        Recipe recipe = RecipeBook.Find(parsed.GetRequiredValue(Name));
        RecipeScale scale = parsed.GetValue(Scale);
        LibTorch.Load();
        RecipeRecord record = new RecipeRunner(TimeProvider.System).Run(
            recipe, scale, parsed.GetValue(Output) ?? Path.Combine("runs", recipe.Name), new Notes(terminal), cancellationToken);
        foreach (RecipeRecord.Verdict verdict in record.Criteria)
        {
            terminal.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{(verdict.Holds ? "holds" : "FAILS")}  {verdict.Mean,8:G3} ({verdict.Low:G3} to {verdict.High:G3})  {(verdict.AtLeast ? "at least" : "at most")} {verdict.Bound:G3}  {verdict.Text}"));
        }

        return scale == RecipeScale.Smoke || record.Reproduced ? ExitCode.Success : ExitCode.FailedCheck;
    }
}
