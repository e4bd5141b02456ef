using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Models.Layers;

/// <summary>Two learned layers behind a <see cref="SinusoidalEmbedding"/> or another description of a row, [B, in] to [B, width].</summary>
internal sealed class TimestepEmbedding : Module<Tensor, Tensor>
{
    [ComponentName(Name = "linear_1")]
    private readonly Linear _in;

    [ComponentName(Name = "cond_proj")]
    private readonly Linear? _condition;

    [ComponentName(Name = "act")]
    private readonly Module<Tensor, Tensor> _activation;

    [ComponentName(Name = "linear_2")]
    private readonly Linear _out;

    [ComponentName(Name = "post_act")]
    private readonly Module<Tensor, Tensor>? _outActivation;

    /// <param name="inWidth">Width of the input.</param>
    /// <param name="width">Width of the result.</param>
    /// <param name="activation">Nonlinearity between the layers.</param>
    /// <param name="tensors">Where and how the parameters are made.</param>
    /// <param name="conditionWidth">Width of a second input that is projected and added to the first; null for none.</param>
    /// <param name="outActivation">Nonlinearity of the result; null for none.</param>
    public TimestepEmbedding(
        int inWidth, int width, Activation activation, TensorOptions tensors, int? conditionWidth = null, Activation? outActivation = null)
        : base(nameof(TimestepEmbedding))
    {
        _in = new Linear(inWidth, width, options: tensors);
        _condition = conditionWidth is { } condition ? new Linear(condition, inWidth, bias: false, tensors) : null;
        _activation = activation.CreateLayer();
        _out = new Linear(width, width, options: tensors);
        _outActivation = outActivation?.CreateLayer();
        RegisterComponents();
    }

    /// <summary>Width of the second input; null where there is none.</summary>
    public long? ConditionWidth => _condition?.Weight.shape[1];

    public override Tensor forward(Tensor description) => Forward(description, null);

    /// <param name="description">[B, in].</param>
    /// <param name="condition">[B, condition width], where there is such an input and it is used.</param>
    public Tensor Forward(Tensor description, Tensor? condition)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor input = description.to(_in.Weight.dtype);
        if (condition is not null && _condition is not null)
        {
            input = input.Plus(_condition.call(condition.to(_in.Weight.dtype)));
        }

        Tensor embedding = _out.call(_activation.call(_in.call(input)));
        return (_outActivation?.call(embedding) ?? embedding).MoveToOuterDisposeScope();
    }
}
