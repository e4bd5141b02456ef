using Millrace.Distillation.Adversarial;
using Millrace.Models.TextEncoders;
using Millrace.Processes;
using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Recipes.Emoji;

/// <summary>
/// What the student makes in the calls that streams ask of it, beside what it should have made. Of pairs, half of the rows are a first
/// call on the pair's noise, half a second call on the first one's answer under fresh noise; of pictures and strokes, every row is one call.
/// </summary>
internal sealed class EmojiFewStepBatches(
    TextConditionalNetwork student, ClipTextModel teacherText, EmojiPairs pairs, int pairRows, EmojiBatches pictures, IDiffusionProcess process, Device device) : IDisposable
{
    private const int First = 999;
    private static readonly long[] Seconds = [679, 519, 519, 359, 99];

    private readonly CoefficientTable _coefficients = new(process, device);
    private readonly Tensor _seconds = tensor(Seconds, device: device).DetachFromDisposeScope();

    /// <summary>Draws a batch.</summary>
    public GeneratedBatch Draw(long step, SeededRandom random)
    {
        using var scope = NewDisposeScope();
        int half = pairRows / 2;
        (Tensor noise, Tensor sample, Tensor tokens) = pairs.Draw(pairRows, random);
        Tensor first = _seconds.new_full([pairRows], First), second = _seconds.index_select(0, random.Integers(Seconds.Length, pairRows - half));
        Tensor again;
        using (no_grad())
        {
            again = Noised(Call(noise[half..], first[half..], tokens[half..]), random.Normal(noise[half..].shape), second);
        }

        using Tensor seed = random.Integers(long.MaxValue, 1);
        DenoisingBatch own = pictures.Draw(seed.item<long>());
        Tensor x = cat([noise[..half], again, Noised(own.Start, own.Noise, own.Timesteps)], 0);
        Tensor allTokens = cat([tokens, own.Tokens], 0);
        Tensor generated = Call(x, cat([first[..half], second, own.Timesteps], 0), allTokens);
        using IDisposable noGrad = no_grad();
        return new GeneratedBatch(
            generated.MoveToOuterDisposeScope(), cat([sample, own.Target], 0).MoveToOuterDisposeScope(), new Conditioning(teacherText.call(allTokens)).MoveToOuterDisposeScope());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _coefficients.Dispose();
        _seconds.Dispose();
    }

    private Tensor Noised(Tensor sample, Tensor noise, Tensor timesteps)
    {
        (Tensor alpha, Tensor sigma) = _coefficients.At(timesteps);
        return (alpha * sample).Plus(sigma * noise);
    }

    // x_0 = a x - b v (Salimans and Ho 2022, arXiv 2202.00512, appendix D).
    private Tensor Call(Tensor x, Tensor timesteps, Tensor tokens)
    {
        (Tensor alpha, Tensor sigma) = _coefficients.At(timesteps);
        return (alpha * x).Minus(sigma * student.call(x, timesteps, tokens));
    }
}
