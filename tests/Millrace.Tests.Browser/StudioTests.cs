using Microsoft.Playwright;

namespace Millrace.Tests.Browser;

/// <summary>What one draws and says is what one gets.</summary>
public sealed class StudioTests(StudioFixture fixture)
{
    private const double Same = 2, Other = 4; // of 255, in the mean

    [Fact]
    public async Task It_opens_with_a_picture_and_strokes_and_prompt_change_it()
    {
        await using StudioPage studio = await fixture.OpenAsync();
        int[] first = await studio.PictureAsync();
        Assert.InRange(first.Average(), 1, 250); // there is something on the white ground

        await studio.DrawAsync(0.1f, 0.1f, 0.9f, 0.9f);
        int[] drawn = await studio.PictureAsync();
        Assert.InRange(StudioPage.Distance(first, drawn), Other / 4, 255);

        await studio.Prompt.FillAsync("cat face");
        int[] said = await studio.PictureAsync();
        Assert.InRange(StudioPage.Distance(drawn, said), Other, 255);

        await studio.Page.Locator("#undo").ClickAsync();
        await studio.Prompt.FillAsync("palm tree");
        Assert.InRange(StudioPage.Distance(first, await studio.PictureAsync()), 0, Same);
        Assert.Empty(studio.Complaints);
    }

    [Fact]
    public async Task Two_browsers_at_once_get_the_pictures_that_each_gets_alone()
    {
        await using StudioPage one = await fixture.OpenAsync();
        int[] alone = await one.PictureAsync();
        await using StudioPage two = await fixture.OpenAsync();
        await two.Page.GetByRole(AriaRole.Button, new() { Name = "whale" }).ClickAsync();
        int[] other = await two.PictureAsync();

        Task[] drawing = [one.DrawAsync(0.1f, 0.9f, 0.9f, 0.9f), two.DrawAsync(0.1f, 0.1f, 0.9f, 0.1f)];
        await Task.WhenAll(drawing);
        await Task.WhenAll(one.Page.Locator("#undo").ClickAsync(), two.Page.Locator("#undo").ClickAsync());

        Assert.InRange(StudioPage.Distance(alone, await one.PictureAsync()), 0, Same);
        Assert.InRange(StudioPage.Distance(other, await two.PictureAsync()), 0, Same);
        Assert.InRange(StudioPage.Distance(alone, other), Other, 255);
    }

    [Fact]
    public async Task It_recovers_with_drawing_and_settings_when_the_server_is_killed_and_returns()
    {
        Assert.SkipWhen(Chromium.Path is null, Chromium.WhyNot);
        using StudioServer server = await new StudioServer().ReadyAsync();
        await using StudioPage studio = await fixture.OpenAsync(server.Address);
        await studio.Prompt.FillAsync("cat face");
        int[] before = await studio.PictureAsync();

        server.Kill();
        await studio.Page.Locator("#state[data-state=lost]").WaitForAsync();
        Assert.StartsWith("Connection lost", await studio.State.InnerTextAsync(), StringComparison.Ordinal);
        await studio.DrawAsync(0.1f, 0.1f, 0.9f, 0.9f);
        server.Restart();
        await studio.Page.Locator("#state[data-state=live]").WaitForAsync();
        Assert.StartsWith("Back", await studio.State.InnerTextAsync(), StringComparison.Ordinal);

        Assert.InRange(StudioPage.Distance(before, await studio.PictureAsync()), Other / 4, 255);
        await studio.Page.Locator("#undo").ClickAsync();
        Assert.InRange(StudioPage.Distance(before, await studio.PictureAsync()), 0, Same);
        Assert.All(studio.Complaints, complaint => Assert.Contains("WebSocket", complaint, StringComparison.Ordinal));
    }

    [Fact]
    public async Task It_goes_on_with_the_same_stream_when_the_connection_alone_was_lost()
    {
        Assert.SkipWhen(Chromium.Path is null, Chromium.WhyNot);
        using var cable = new Cable(fixture.Address);
        await using StudioPage studio = await fixture.OpenAsync(cable.Address);
        int[] before = await studio.PictureAsync();

        cable.Cut();
        await Assertions.Expect(studio.State).ToHaveTextAsync("Back: the stream goes on");

        await studio.DrawAsync(0.1f, 0.1f, 0.9f, 0.9f);
        Assert.InRange(StudioPage.Distance(before, await studio.PictureAsync()), Other / 4, 255);
        Assert.All(studio.Complaints, complaint => Assert.Contains("WebSocket", complaint, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_finger_draws_on_a_phone()
    {
        await using StudioPage studio = await fixture.OpenAsync(size: new() { Width = 390, Height = 844 });
        ILocator clear = studio.Page.Locator("#clear");
        await clear.TapAsync();
        await Assertions.Expect(clear).ToBeDisabledAsync();
        int[] blank = await studio.PictureAsync();

        await studio.Drawing.TapAsync();
        await Assertions.Expect(clear).ToBeEnabledAsync();
        Assert.InRange(StudioPage.Distance(blank, await studio.PictureAsync()), 0.1, 255);
        Assert.Empty(studio.Complaints);
    }

    [Fact]
    public async Task It_can_be_used_with_the_keyboard_alone()
    {
        await using StudioPage studio = await fixture.OpenAsync();
        int[] first = await studio.PictureAsync();

        await studio.Page.Keyboard.PressAsync("p");
        await studio.Page.Keyboard.TypeAsync("ghost");
        Assert.Equal("ghost", await studio.Prompt.InputValueAsync());
        int[] said = await studio.PictureAsync();
        Assert.InRange(StudioPage.Distance(first, said), Other, 255);

        await studio.Drawing.FocusAsync();
        foreach (string key in new[] { "Enter", "Shift+ArrowLeft", "Shift+ArrowLeft", "Shift+ArrowDown", "Shift+ArrowDown", "Enter" })
        {
            await studio.Page.Keyboard.PressAsync(key);
        }

        Assert.StartsWith("Pen up", await studio.Page.Locator("#announcement").InnerTextAsync(), StringComparison.Ordinal);
        Assert.InRange(StudioPage.Distance(said, await studio.PictureAsync()), 0.1, 255);
        await studio.Page.Keyboard.PressAsync("Control+z");
        Assert.InRange(StudioPage.Distance(said, await studio.PictureAsync()), 0, Same);

        await studio.Page.Keyboard.PressAsync("?");
        Assert.True(await studio.Page.GetByRole(AriaRole.Dialog, new() { Name = "Help" }).IsVisibleAsync());
        await studio.Page.Keyboard.PressAsync("Escape");
        await studio.Page.Keyboard.PressAsync("2");
        Assert.True(await studio.Page.GetByLabel("Opacity").IsVisibleAsync());
        Assert.Empty(studio.Complaints);
    }
}
