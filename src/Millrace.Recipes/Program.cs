using System.CommandLine;
using Millrace.Recipes.Emoji;

return await new RootCommand("Small experiments and the training of the shipped models.") { EmojiCommand.Create() }.Parse(args).InvokeAsync();
