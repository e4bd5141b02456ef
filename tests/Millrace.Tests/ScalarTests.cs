using Mono.Cecil;

namespace Millrace.Tests;

/// <summary>
/// Numbers enter tensors through TensorArithmetic alone: a temporary Scalar may be collected while the native call still reads it;
/// the result then has any type or value, or the call throws.
/// </summary>
public sealed class ScalarTests
{
    [Theory]
    [InlineData(typeof(IDenoiser))]
    [InlineData(typeof(ScalarTests))]
    public void No_temporary_scalar_reaches_native_code(Type one)
    {
        using AssemblyDefinition assembly = AssemblyDefinition.ReadAssembly(one.Assembly.Location);
        string[] found = [.. assembly.MainModule.GetTypes()
            .Where(type => type.Name != "TensorArithmetic")
            .SelectMany(type => type.Methods.Where(method => method.HasBody))
            .SelectMany(method => method.Body.Instructions
                .Where(instruction => instruction.Operand is MethodReference called && IsTemporary(called))
                .Select(instruction => $"{method.DeclaringType.Name}.{method.Name}: {((MethodReference)instruction.Operand).Name}"))];
        Assert.True(found.Length == 0, string.Join(Environment.NewLine, found));
    }

    private static bool IsTemporary(MethodReference called) =>
        (called.DeclaringType.Name == "Scalar" && called.Name == "op_Implicit") || called.Name == "ToScalar"
        || (called.DeclaringType.FullName == "TorchSharp.torch/Tensor" && MakesTemporary(called.Name, [.. called.Parameters.Select(parameter => parameter.ParameterType.Name)]));

    // What TorchSharp itself makes inside: a factor 1 of sums, an exponent 2, and numbers of its operators.
    private static bool MakesTemporary(string name, string[] parameters) =>
        name is "op_Addition" or "op_Subtraction" or "square" or "square_"
        || (name is "add" or "add_" or "sub" or "sub_" && parameters.Length == 1)
        || (name.StartsWith("op_", StringComparison.Ordinal) && parameters.Any(parameter => parameter != "Tensor"));
}
