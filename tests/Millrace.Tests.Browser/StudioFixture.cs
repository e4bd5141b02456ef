using Microsoft.Playwright;

[assembly: AssemblyFixture(typeof(Millrace.Tests.Browser.StudioFixture))]
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]

namespace Millrace.Tests.Browser;

/// <summary>One browser and one server for all tests.</summary>
public sealed class StudioFixture : IAsyncLifetime
{
    private IPlaywright? _playwright;
    private IBrowser? _browser;
    private StudioServer? _server;

    public async ValueTask InitializeAsync()
    {
        if (Chromium.Path is not null)
        {
            Assertions.SetDefaultExpectTimeout(StudioPage.Patience);
            _playwright = await Playwright.CreateAsync();
            _browser = await Chromium.LaunchAsync(_playwright);
            _server = await new StudioServer().ReadyAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null)
        {
            await _browser.DisposeAsync();
        }

        _server?.Dispose();
        _playwright?.Dispose();
    }

    /// <summary>Where the server answers.</summary>
    public string Address => _server?.Address ?? "";

    /// <summary>A page in a browser profile of its own; skips the test where there is no browser.</summary>
    internal async Task<StudioPage> OpenAsync(string? address = null, ViewportSize? size = null, ColorScheme scheme = ColorScheme.Light)
    {
        Assert.SkipWhen(_browser is null, Chromium.WhyNot);
        IBrowserContext context = await _browser.NewContextAsync(new() { ViewportSize = size ?? new() { Width = 1440, Height = 900 }, ColorScheme = scheme, AcceptDownloads = true, HasTouch = size?.Width < 640 });
        return await StudioPage.OpenAsync(context, address ?? _server!.Address);
    }
}
