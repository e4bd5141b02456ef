using System.Collections.Concurrent;
using Microsoft.Playwright;

namespace Millrace.Tests.Browser;

/// <summary>The studio in a browser, as a person has it: what one does, and what one sees.</summary>
internal sealed class StudioPage : IAsyncDisposable
{
    /// <summary>Time for anything that is waited for, in milliseconds, on a machine that is busy with other tests.</summary>
    public const int Patience = 60_000;

    private const int Cells = 16;
    private readonly IBrowserContext _context;

    private StudioPage(IBrowserContext context, IPage page)
    {
        (_context, Page) = (context, page);
        page.SetDefaultTimeout(Patience);
        page.Console += (_, message) => Keep(message.Type is "error" or "warning", message.Text);
        page.PageError += (_, error) => Keep(true, error);
        page.RequestFinished += (_, request) => Keep(!request.Url.StartsWith(Address, StringComparison.Ordinal) && !request.Url.StartsWith("blob:", StringComparison.Ordinal), $"asked for {request.Url}");
    }

    public IPage Page { get; }

    public string Address { get; private init; } = "";

    /// <summary>What the browser's console complained of, and what was asked of other hosts.</summary>
    public ConcurrentQueue<string> Complaints { get; } = new();

    public ILocator Drawing => Page.Locator("#drawing");

    public ILocator State => Page.Locator("#state");

    public ILocator Prompt => Page.GetByLabel("Prompt", new() { Exact = true });

    /// <summary>Opens it, and waits for the first picture.</summary>
    public static async Task<StudioPage> OpenAsync(IBrowserContext context, string address)
    {
        var studio = new StudioPage(context, await context.NewPageAsync()) { Address = address };
        await studio.Page.GotoAsync(address);
        await studio.RestAsync();
        return studio;
    }

    /// <summary>Waits until the picture shows all that was changed.</summary>
    public Task RestAsync() => Page.Locator("#picture[aria-busy=false]").WaitForAsync();

    /// <summary>The picture at rest: 16 x 16 cells of red, green, blue.</summary>
    public async Task<int[]> PictureAsync()
    {
        await RestAsync();
        return await Page.EvaluateAsync<int[]>("""
            cells => {
              const small = new OffscreenCanvas(cells, cells).getContext("2d");
              small.imageSmoothingQuality = "high";
              small.drawImage(document.getElementById("picture"), 0, 0, cells, cells);
              return [...small.getImageData(0, 0, cells, cells).data].filter((_, index) => index % 4 < 3);
            }
            """, Cells);
    }

    /// <summary>One stroke across, shares of the canvas.</summary>
    public async Task DrawAsync(float fromX, float fromY, float toX, float toY)
    {
        LocatorBoundingBoxResult box = (await Drawing.BoundingBoxAsync())!;
        await Page.Mouse.MoveAsync(box.X + (fromX * box.Width), box.Y + (fromY * box.Height));
        await Page.Mouse.DownAsync();
        await Page.Mouse.MoveAsync(box.X + (toX * box.Width), box.Y + (toY * box.Height), new() { Steps = 8 });
        await Page.Mouse.UpAsync();
    }

    /// <summary>Mean distance of two pictures, 0 to 255.</summary>
    public static double Distance(int[] one, int[] other) => one.Zip(other, (a, b) => Math.Abs(a - b)).Average();

    public async ValueTask DisposeAsync() => await _context.DisposeAsync();

    private void Keep(bool complaint, string text)
    {
        if (complaint)
        {
            Complaints.Enqueue(text);
        }
    }
}
