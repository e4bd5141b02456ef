using Mono.Cecil;

namespace Millrace.Tests;

/// <summary>
/// Numbers enter tensors through TensorArithmetic alone: a temporary Scalar may be collected while the native call still reads it;
/// the result then has any type or value, or the call throws.
/// </summary>
public sealed class ScalarTests
{
    [Fact]
    public void No_temporary_scalar_reaches_native_code()
    {
        using AssemblyDefinition assembly = AssemblyDefinition.ReadAssembly(typeof(IDenoiser).Assembly.Location);
        string[] found = [.. assembly.MainModule.GetTypes()
            .Where(type => type.Name != "TensorArithmetic")
            .SelectMany(type => type.Methods.Where(method => method.HasBody))
            .SelectMany(method => method.Body.Instructions
                .Where(instruction => instruction.Operand is MethodReference called && IsTemporary(called))
                .Select(instruction => $"{method.DeclaringType.Name}.{method.Name}: {((MethodReference)instruction.Operand).Name}"))];
        Assert.Empty(found);
    }

    private static bool IsTemporary(MethodReference called) =>
        (called.DeclaringType.Name == "Scalar" && called.Name == "op_Implicit") || called.Name == "ToScalar"
        || (called.DeclaringType.FullName == "TorchSharp.torch/Tensor" && called.Name.StartsWith("op_", StringComparison.Ordinal)
            && (called.Name is "op_Addition" or "op_Subtraction" || called.Parameters.Any(parameter => parameter.ParameterType.Name != "Tensor")));
}
