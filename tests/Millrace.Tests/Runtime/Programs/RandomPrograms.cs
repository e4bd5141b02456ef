using Millrace.Runtime.Programs;
using static Millrace.Runtime.Programs.Statement;
using static Millrace.Tests.Runtime.Programs.SampleBlocks;

namespace Millrace.Tests.Runtime.Programs;

/// <summary>Programs of random shape over the variables a, b and c, with choices, both kinds of loops, breaks and early returns.</summary>
internal sealed class RandomPrograms
{
    private const int Deepest = 4;
    private static readonly string[] Variables = ["a", "b", "c"];

    private readonly Random _random;
    private int _names;

    private RandomPrograms(int seed) => _random = new Random(seed);

    /// <summary>A program of the inputs a and b, [B, D].</summary>
    public static TensorProgram Make(int seed)
    {
        var made = new RandomPrograms(seed);
        return new TensorProgram(
            $"random {seed}", ["a", "b"], [new Apply(Mean, ["a", "b"], ["c"]), .. made.Statements(Deepest, inLoop: false), new Return(["a", "b", "c"])]);
    }

    private List<Statement> Statements(int depth, bool inLoop)
    {
        var statements = new List<Statement>();
        for (int count = _random.Next(1, 3); count > 0; count--)
        {
            statements.AddRange(depth == 0 ? [Calculation()] : _random.Next(7) switch
            {
                0 or 1 => [new If(Condition(), Statements(depth - 1, inLoop), _random.Next(3) == 0 ? [] : Statements(depth - 1, inLoop))],
                2 => [Times(depth, inLoop: true)],
                3 => AsLong(depth),
                4 when inLoop => [new If(Condition(), [Calculation(), new Break()], [])],
                4 when _random.Next(3) == 0 => [new If(Condition(), [new Return([Pick(), Pick(), "c"])], [])],
                _ => [Calculation(), Calculation()],
            });
        }

        return statements;
    }

    private For Times(int depth, bool inLoop)
    {
        string counter = $"i{_names++}";
        return new For(counter, _random.Next(6), [.. Statements(depth - 1, inLoop), new Apply(Moved, [Pick(), counter], [Pick()]), new Apply(Less, ["a", "b"], ["c"])]);
    }

    private Statement[] AsLong(int depth)
    {
        string round = $"k{_names++}", large = $"l{_names++}";
        return
        [
            new Apply(Zero, [], [round]),
            new While(new Condition(IsBelow, [round, _random.Next(5)]),
            [
                new Apply(Next, [round], [round]),
                new Apply(IsLarge, [Pick()], [large]),
                new If(Millrace.Runtime.Programs.Condition.Variable(large), Statements(depth - 1, inLoop: true), [new Break()]),
            ])
            { Limit = 10 },
        ];
    }

    private Condition Condition() => _random.Next(8) == 0
        ? Millrace.Runtime.Programs.Condition.Known(_random.Next(2) == 0)
        : new Condition(IsLarge, [Pick()]);

    private Apply Calculation() => _random.Next(5) switch
    {
        0 => new Apply(Mean, [Pick(), Pick()], [Pick()]),
        1 => new Apply(Difference, [Pick(), Pick()], [Pick()]),
        2 => new Apply(Turned, [Pick()], [Pick()]),
        3 => new Apply(Less, [Pick(), Pick()], [Pick()]),
        _ => new Apply(Moved, [Pick(), _random.Next(3)], [Pick()]),
    };

    private string Pick() => Variables[_random.Next(Variables.Length)];
}
