using Microsoft.Playwright;

namespace Millrace.Tests.Browser;

/// <summary>The browser of this machine, with a camera that shows a test picture.</summary>
internal static class Chromium
{
    private const string Variable = "MILLRACE_CHROMIUM";
    private static readonly string[] Names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge"];
    private static readonly string[] Places =
    [
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        @"C:\Program Files\Google\Chrome\Application\chrome.exe",
        @"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
    ];

    /// <summary>Where it is; null where there is none.</summary>
    public static string? Path { get; } = Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named ? named : OnPath().Concat(Places).FirstOrDefault(File.Exists);

    /// <summary>What a skipped test says.</summary>
    public static string WhyNot { get; } = $"needs Chromium, Chrome or Edge, on the path or named by {Variable}";

    public static Task<IBrowser> LaunchAsync(IPlaywright playwright) => playwright.Chromium.LaunchAsync(new()
    {
        ExecutablePath = Path,
        Args = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
    });

    private static IEnumerable<string> OnPath() =>
        from folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(System.IO.Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        from name in Names
        select System.IO.Path.Combine(folder, name);
}
