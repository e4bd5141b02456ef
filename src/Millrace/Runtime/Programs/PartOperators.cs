namespace Millrace.Runtime.Programs;

/// <summary>The operators of libtorch that parts are described in, with the least and the most arguments that may be given.</summary>
/// <remarks>An allow-list, because libtorch ends the process over a script that it does not understand.</remarks>
public static class PartOperators
{
    /// <summary>All, by name.</summary>
    public static IReadOnlyDictionary<string, (int Least, int Most)> All { get; } = new Dictionary<string, (int Least, int Most)>
    {
        ["add"] = (2, 2), ["sub"] = (2, 2), ["mul"] = (2, 2), ["div"] = (2, 2), ["neg"] = (1, 1), ["rsub"] = (2, 2),
        ["gt"] = (2, 2), ["ge"] = (2, 2), ["lt"] = (2, 2), ["le"] = (2, 2), ["eq"] = (2, 2), ["ne"] = (2, 2), ["logical_and"] = (2, 2), ["logical_not"] = (1, 1),
        ["relu"] = (1, 1), ["silu"] = (1, 1), ["sigmoid"] = (1, 1), ["tanh"] = (1, 1), ["exp"] = (1, 1), ["log"] = (1, 1), ["sqrt"] = (1, 1), ["abs"] = (1, 1),
        ["sin"] = (1, 1), ["cos"] = (1, 1), ["clamp"] = (3, 3), ["clamp_min"] = (2, 2), ["clamp_max"] = (2, 2), ["minimum"] = (2, 2), ["maximum"] = (2, 2), ["where"] = (3, 3),
        ["softmax"] = (2, 2), ["sum"] = (1, 3), ["mean"] = (1, 3), ["amax"] = (2, 3), ["amin"] = (2, 3), ["argmax"] = (1, 3), ["max"] = (1, 1), ["min"] = (1, 1), ["norm"] = (1, 1),
        ["linear"] = (2, 3), ["matmul"] = (2, 2), ["conv2d"] = (2, 7), ["group_norm"] = (2, 5), ["layer_norm"] = (2, 5),
        ["avg_pool2d"] = (2, 2), ["upsample_nearest2d"] = (4, 4), ["cat"] = (2, 2), ["flatten"] = (2, 3), ["reshape"] = (2, 2), ["permute"] = (2, 2),
        ["pixel_shuffle"] = (2, 2), ["unsqueeze"] = (2, 2), ["squeeze"] = (2, 2), ["narrow"] = (4, 4), ["select"] = (3, 3), ["index_select"] = (3, 3),
    };
}
