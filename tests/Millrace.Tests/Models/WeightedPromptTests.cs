using Millrace.Models.TextEncoders;

namespace Millrace.Tests.Models;

public sealed class WeightedPromptTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("a red car", "a red car|1")]
    [InlineData("a (red) car", "a |1|red|1.1| car|1")]
    [InlineData("a ((red)) car", "a |1|red|1.21| car|1")]
    [InlineData("a [red] car", "a |1|red|0.9091| car|1")]
    [InlineData("a (red:1.3) car", "a |1|red|1.3| car|1")]
    [InlineData("a (red: 0.5 ) car", "a |1|red|0.5| car|1")]
    [InlineData("(red:-.5)", "red|-0.5")]
    [InlineData("(a (red:1.5) car:0.5)", "a |0.5|red|0.75| car|0.5")]
    [InlineData("(a [red] car)", "a |1.1|red|1| car|1.1")]
    [InlineData(@"a \(red\) \[car\] \\", @"a (red) [car] \|1")]
    [InlineData(@"a \red", @"a \red|1")]
    [InlineData("a (red car", "a |1|red car|1.1")]
    [InlineData("a [red car", "a |1|red car|0.9091")]
    [InlineData("a red) car]", "a red) car]|1")]
    [InlineData("a red:1.3) car", "a red:1.3) car|1")]
    [InlineData("(red:1.2.3)", "red:1.2.3|1.1")]
    [InlineData("()(red:1)", "red|1")]
    [InlineData("(red:999)", "red|10")]
    public void Brackets_weigh(string prompt, string stretches) => Assert.Equal(
        stretches, string.Join('|', WeightedPrompt.Parse(prompt).Select(part => FormattableString.Invariant($"{part.Text}|{part.Weight:0.####}"))));
}
