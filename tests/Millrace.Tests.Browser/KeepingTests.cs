using System.IO.Compression;
using Microsoft.Playwright;

namespace Millrace.Tests.Browser;

/// <summary>What leaves the studio as a file, and what comes back.</summary>
public sealed class KeepingTests(StudioFixture fixture)
{
    private static readonly byte[] Riff = "RIFF"u8.ToArray();

    [Fact]
    public async Task A_saved_picture_brings_back_its_settings_and_strokes()
    {
        await using StudioPage studio = await fixture.OpenAsync();
        await studio.Page.GetByRole(AriaRole.Button, new() { Name = "whale" }).ClickAsync();
        await studio.Page.GetByLabel("Seed", new() { Exact = true }).FillAsync("99");
        int[] before = await studio.PictureAsync();
        IDownload download = await studio.Page.RunAndWaitForDownloadAsync(() => studio.Page.Locator("#save").ClickAsync());
        Assert.Equal("spouting-whale-99.png", download.SuggestedFilename);

        await using StudioPage another = await fixture.OpenAsync();
        await another.Page.Locator("#picture-file").SetInputFilesAsync(new FilePayload { Name = "a.png", MimeType = "image/png", Buffer = await File.ReadAllBytesAsync((await download.PathAsync())!) });

        await Assertions.Expect(another.Prompt).ToHaveValueAsync("spouting whale");
        Assert.InRange(StudioPage.Distance(before, await another.PictureAsync()), 0, 2);
        Assert.Empty(another.Complaints);
    }

    [Fact]
    public async Task The_camera_streams_and_its_pictures_are_recorded()
    {
        await using StudioPage studio = await fixture.OpenAsync();
        await studio.Page.GetByLabel("Camera").CheckAsync();
        await Assertions.Expect(studio.Page.Locator("#clear")).ToBeDisabledAsync(); // what nobody drew does not lie over the camera
        await studio.Page.GetByLabel("Record as").SelectOptionAsync("webp");
        ILocator record = studio.Page.Locator("#record");
        await record.ClickAsync();
        await Assertions.Expect(record).ToHaveTextAsync(new System.Text.RegularExpressions.Regex(@"Stop \d*[3-9]$"));
        IDownload download = await studio.Page.RunAndWaitForDownloadAsync(() => record.ClickAsync());

        Assert.Equal("palm-tree.zip", download.SuggestedFilename);
        await using ZipArchive archive = await ZipFile.OpenReadAsync((await download.PathAsync())!, TestContext.Current.CancellationToken);
        Assert.True(archive.Entries.Count >= 3);
        foreach (ZipArchiveEntry entry in archive.Entries)
        {
            Assert.Matches(@"^picture-\d{4}\.webp$", entry.Name);
            var head = new byte[4];
            await using Stream picture = await entry.OpenAsync(TestContext.Current.CancellationToken);
            await picture.ReadExactlyAsync(head, TestContext.Current.CancellationToken);
            Assert.Equal(Riff, head);
        }

        Assert.Empty(studio.Complaints);
    }
}
