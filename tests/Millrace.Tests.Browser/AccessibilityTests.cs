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

    private static Task<string[]> FindingsAsync(StudioPage studio) =>
        studio.Page.EvaluateAsync<string[]>("async () => (await axe.run()).violations.map(({ id, impact, nodes }) => `${impact}: ${id} at ${nodes.map(node => node.target).join()}`)");
}
