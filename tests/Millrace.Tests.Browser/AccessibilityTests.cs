using Deque.AxeCore.Commons;
using Microsoft.Playwright;

namespace Millrace.Tests.Browser;

/// <summary>The rules of axe-core, at the sizes of a desk and a phone, light and dark.</summary>
public sealed class AccessibilityTests(StudioFixture fixture)
{
    [Theory]
    [InlineData(1440, 900, ColorScheme.Light)]
    [InlineData(390, 844, ColorScheme.Dark)]
    public async Task There_is_no_finding(int width, int height, ColorScheme scheme)
    {
        await using StudioPage studio = await fixture.OpenAsync(size: new() { Width = width, Height = height }, scheme: scheme);
        await studio.Page.EvaluateAsync(new BundledAxeScriptProvider().GetScript());
        Assert.Empty(await FindingsAsync(studio));
        Assert.Equal(width, await studio.Page.EvaluateAsync<int>("document.documentElement.scrollWidth"));

        await studio.Page.Locator("#help").ClickAsync();
        Assert.Empty(await FindingsAsync(studio));
        Assert.Empty(studio.Complaints);
    }

    [Theory]
    [InlineData(390, 844)]
    [InlineData(820, 1180)]
    [InlineData(1280, 800)]
    [InlineData(1366, 640)]
    [InlineData(1920, 1080)]
    public async Task Nothing_lies_over_anything_else_in_any_view(int width, int height)
    {
        await using StudioPage studio = await fixture.OpenAsync(size: new() { Width = width, Height = height });
        foreach (string view in new[] { "Side by side", "Overlay", "Result only" })
        {
            await studio.Page.GetByLabel(view).CheckAsync();
            Assert.Empty(await studio.Page.EvaluateAsync<string[]>("""
                () => {
                  const shown = [...document.querySelectorAll(".stage > *, .outcome > *")].filter(element => !element.matches(".hidden, .outcome") && element.offsetParent && getComputedStyle(element).visibility === "visible");
                  const boxes = shown.map(element => [element.id || element.className, element.getBoundingClientRect()]).filter(([, box]) => box.width > 1);
                  const cross = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
                  return boxes.flatMap(([one, a], index) => boxes.slice(index + 1).filter(([, b]) => cross(a, b)).map(([other]) => `${one} and ${other}`));
                }
                """));
        }

        Assert.Empty(studio.Complaints);
    }

    private static Task<string[]> FindingsAsync(StudioPage studio) =>
        studio.Page.EvaluateAsync<string[]>("async () => (await axe.run()).violations.map(({ id, impact, nodes }) => `${impact}: ${id} at ${nodes.map(node => node.target).join()}`)");
}
