using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Millrace.Training;

/// <summary>A player's parameters, their optimizer, their moving average, and one update of them.</summary>
internal sealed class PlayerState : IDisposable
{
    private readonly Player _player;
    private readonly TrainerOptions _options;
    private readonly ParameterVector _parameters;
    private readonly AdamW _optimizer;
    private readonly Tensor _average;

    public PlayerState(Player player, TrainerOptions options)
    {
        (_player, _options) = (player, options);
        _parameters = new ParameterVector(player.Network);
        _optimizer = new AdamW(_parameters, options, player.Lazy);
        _average = _parameters.Values.clone().DetachFromDisposeScope();
    }

    public string Name => _player.Name;

    /// <summary>What a checkpoint holds.</summary>
    public IEnumerable<(string Name, Tensor Tensor)> Tensors =>
    [
        ($"{Name}.values", _parameters.Values), ($"{Name}.average", _average), ($"{Name}.mean", _optimizer.Mean), ($"{Name}.square", _optimizer.Square),
    ];

    /// <summary>The updates of one step.</summary>
    /// <param name="step">Steps done before this one.</param>
    /// <param name="seed">Number of a batch within the step to its seed.</param>
    /// <param name="log">Told the losses.</param>
    /// <returns>The norm of the last gradient, before clipping; a scalar in the caller's dispose scope.</returns>
    public Tensor Update(long step, Func<int, long> seed, TrainingLog log)
    {
        Tensor? norm = null;
        for (int update = 0; update < _player.UpdatesPerStep; update++)
        {
            norm?.Dispose();
            norm = Update(step, update, seed, log);
        }

        return norm!;
    }

    /// <summary>Takes a parameter's weights as its first: no moments, and an average that begins with them.</summary>
    /// <returns>Whether the parameter is this player's.</returns>
    public bool Forget(Parameter parameter)
    {
        if (_parameters.Find(parameter) is not { } start)
        {
            return false;
        }

        using IDisposable noGrad = no_grad();
        using var scope = NewDisposeScope();
        _optimizer.Mean.narrow(0, start, parameter.numel()).zero_();
        _optimizer.Square.narrow(0, start, parameter.numel()).zero_();
        _average.narrow(0, start, parameter.numel()).copy_(_parameters.Values.narrow(0, start, parameter.numel()));
        return true;
    }

    /// <summary>Exchanges the trained weights for their average while <paramref name="action"/> runs.</summary>
    public void WithAverage(Action action)
    {
        using IDisposable noGrad = no_grad();
        using var scope = NewDisposeScope();
        Tensor trained = _parameters.Values.clone();
        _parameters.Values.copy_(_average);
        try
        {
            action();
        }
        finally
        {
            _parameters.Values.copy_(trained);
        }
    }

    /// <summary>Leaves the average in the network.</summary>
    public void UseAverage()
    {
        using IDisposable noGrad = no_grad();
        using var scope = NewDisposeScope();
        _parameters.Values.copy_(_average);
    }

    public void Dispose()
    {
        _average.Dispose();
        _optimizer.Dispose();
        _parameters.Dispose();
    }

    private Tensor Update(long step, int update, Func<int, long> seed, TrainingLog log)
    {
        using var scope = NewDisposeScope();
        _parameters.Gradients.zero_();
        for (int part = 0; part < _options.AccumulationSteps; part++)
        {
            using var inner = NewDisposeScope();
            var draw = new TrainingDraw(step, seed((update * _options.AccumulationSteps) + part));
            Tensor loss = _player.Loss(draw);
            log.Add(Name, loss, draw);
            loss.Times(1.0 / _options.AccumulationSteps).backward();
        }

        using IDisposable noGrad = no_grad();
        Tensor norm = _parameters.Gradients.norm();
        _parameters.Gradients.mul_(norm.Plus(1e-12).reciprocal().Times(_options.GradientClip).AtMost(1));
        _optimizer.Step((step * _player.UpdatesPerStep) + update + 1, _options.LearningRateAt(step + 1) * _player.LearningRateFactor);
        _average.MoveTowards(_parameters.Values, 1 - Math.Min(_options.AverageDecay, (2.0 + step) / (11 + step)));
        return norm.MoveToOuterDisposeScope();
    }
}
