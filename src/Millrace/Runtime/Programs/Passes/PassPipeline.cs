namespace Millrace.Runtime.Programs.Passes;

/// <summary>Runs the passes that were asked for, in the order in which each gives the next something to do.</summary>
internal static class PassPipeline
{
    public static ControlFlowGraph Run(ControlFlowGraph graph, ProgramPasses passes)
    {
        (ProgramPasses Pass, Func<ControlFlowGraph, ControlFlowGraph> Run)[] order =
        [
            (ProgramPasses.Fold, ConstantFolding.Run), (ProgramPasses.DropDead, DeadCode.Run), (ProgramPasses.Merge, ChainMerging.Run),
            (ProgramPasses.Hoist, InvariantHoisting.Run), (ProgramPasses.DuplicateTails, TailDuplication.Run), (ProgramPasses.Merge, ChainMerging.Run),
        ];
        return order.Where(pass => passes.HasFlag(pass.Pass)).Aggregate(graph, (current, pass) => pass.Run(current));
    }
}
