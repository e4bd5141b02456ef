namespace Millrace.Checkpoints.Schedulers;

/// <summary>The sampling methods that diffusers names, each the name of its class without "Scheduler".</summary>
internal enum SchedulerClass
{
    DDPM,
    DDIM,
    DDIMInverse,
    PNDM,
    LCM,
    TCD,
    EulerDiscrete,
    EulerAncestralDiscrete,
    HeunDiscrete,
    LMSDiscrete,
    KDPM2Discrete,
    KDPM2AncestralDiscrete,
    DPMSolverSDE,
    DPMSolverMultistep,
    DPMSolverSinglestep,
    DEISMultistep,
    UniPCMultistep,
    EDMEuler,
    EDMDPMSolverMultistep,
    FlowMatchEulerDiscrete,
    FlowMatchHeunDiscrete,
    FlowMatchLCM,
}
