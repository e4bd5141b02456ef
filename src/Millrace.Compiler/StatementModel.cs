namespace Millrace.Compiler;

/// <summary>A statement of the program, to be written.</summary>
internal abstract class StatementModel
{
    /// <summary>Runs a part.</summary>
    internal sealed class Apply(PartModel part, List<string> inputs, List<string> outputs) : StatementModel
    {
        public PartModel Part { get; } = part;

        public List<string> Inputs { get; } = inputs;

        public List<string> Outputs { get; } = outputs;
    }

    /// <summary>One of two ways.</summary>
    internal sealed class If(string condition, List<StatementModel> then, List<StatementModel> otherwise) : StatementModel
    {
        public string Condition { get; } = condition;

        public List<StatementModel> Then { get; } = then;

        public List<StatementModel> Else { get; } = otherwise;
    }

    /// <summary>A loop.</summary>
    internal sealed class Loop(string head, string tail, List<StatementModel> body) : StatementModel
    {
        /// <summary>What stands before the body.</summary>
        public string Head { get; } = head;

        /// <summary>What stands after it.</summary>
        public string Tail { get; } = tail;

        public List<StatementModel> Body { get; } = body;
    }

    /// <summary>A break or a return, as it is written.</summary>
    internal sealed class Leave(string code) : StatementModel
    {
        public string Code { get; } = code;
    }
}
