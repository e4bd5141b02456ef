using Microsoft.CodeAnalysis;

namespace Millrace.Compiler;

/// <summary>Questions to syntax and symbols.</summary>
internal static class Source
{
    public const string Programs = "Millrace.Runtime.Programs";

    public static int Line(SyntaxNode node) => node.GetLocation().GetLineSpan().StartLinePosition.Line + 1;

    public static bool IsTensor(ITypeSymbol? type)
    {
        for (; type is not null; type = type.BaseType)
        {
            if (type.ToDisplayString(NullableFlowState.None) is "TorchSharp.torch.Tensor")
            {
                return true;
            }
        }

        return false;
    }

    public static bool IsModule(ITypeSymbol? type)
    {
        for (; type is not null; type = type.BaseType)
        {
            if (type.OriginalDefinition.ToDisplayString().StartsWith("TorchSharp.torch.nn.Module", System.StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }

    public static bool IsReal(ITypeSymbol? type) => type?.SpecialType is SpecialType.System_Double or SpecialType.System_Single;

    public static bool IsNumber(ITypeSymbol? type) => IsReal(type) || type?.SpecialType is SpecialType.System_Int32 or SpecialType.System_Int64 or SpecialType.System_Boolean;

    public static bool Has(ISymbol symbol, string attribute)
    {
        foreach (AttributeData data in symbol.GetAttributes())
        {
            if (data.AttributeClass?.ToDisplayString() == $"{Programs}.{attribute}")
            {
                return true;
            }
        }

        return false;
    }
}
