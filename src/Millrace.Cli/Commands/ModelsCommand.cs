using System.CommandLine;

namespace Millrace.Cli.Commands;

/// <summary>millrace models: what <c>--model</c> can name.</summary>
internal static class ModelsCommand
{
    private const string Summary = "List the models that --model can name.";

    private const string Details = """
        Models are folders in the diffusers format below the folder that the environment variable MILLRACE_MODELS names, below
        "models" beside the program, and below "models" of the source tree that it was built in. --model takes any other folder too.
        """;

    public static Command Create(Terminal terminal)
    {
        var command = new DetailedCommand("models", Summary, Details) { CommonOptions.Json };
        command.SetAction(parsed =>
        {
            ModelSummary[] models = [.. ModelCatalog.All().Select(ModelSummary.Of)];
            if (parsed.GetValue(CommonOptions.Json))
            {
                terminal.WriteJson(new { models });
                return;
            }

            foreach (ModelSummary model in models)
            {
                terminal.WriteLine(model.Name);
                terminal.WriteLine($"  family      {model.Family}");
                terminal.WriteLine($"  parameters  {model.Parameters / 1e6:0.0} million, {model.Bytes / 1e6:0.0} MB");
                terminal.WriteLine($"  size        {(model.DefaultSize is { } side ? $"{side} x {side}" : "-")}");
                terminal.WriteLine($"  licence     {model.License ?? "-"}");
                terminal.WriteLine($"  folder      {model.Folder}");
            }

            if (models.Length == 0)
            {
                terminal.WriteLine($"No models found. Put model folders below a folder, and name it in the environment variable {ModelCatalog.FolderVariable}.");
            }
        });
        return command;
    }
}
