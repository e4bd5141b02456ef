using Millrace.Training;
using static TorchSharp.torch;

namespace Millrace.Tests.Training;

public sealed class PremetricsTests
{
    [Fact]
    public void Pseudo_Huber_is_a_square_near_and_a_norm_far()
    {
        using var scope = NewDisposeScope();
        const double share = 0.01;
        Tensor p = randn(3, 2, 4, 4), direction = randn(3, 2, 4, 4);
        double count = 32, c = share * count;
        Premetric huber = Premetrics.PseudoHuber(share);
        double[] norms = [.. direction.flatten(1).norm(1).data<float>().ToArray().Select(norm => (double)norm)];
        double[] near = Rows(huber(p.Plus(direction.Times(1e-3)), p)), far = Rows(huber(p.Plus(direction.Times(1e3)), p));
        Assert.All(norms.Zip(near), pair => Assert.Equal(pair.First * pair.First * 1e-6 / (2 * c * count), pair.Second, 1e-3 * pair.Second + 1e-9));
        Assert.All(norms.Zip(far), pair => Assert.Equal(((pair.First * 1e3) - c) / count, pair.Second, 1e-4 * pair.Second));
    }

    [Fact]
    public void The_gradient_of_pseudo_Huber_is_bounded()
    {
        using var scope = NewDisposeScope();
        Tensor p = randn(5, 8).Times(100).requires_grad_();
        Premetrics.PseudoHuber()(p, zeros(5, 8)).sum().backward();
        Assert.All(Rows(p.grad!.norm(1)), norm => Assert.True(norm <= (1.0 / 8) + 1e-6));
    }

    [Fact]
    public void Errors_of_elements_are_averaged()
    {
        using var scope = NewDisposeScope();
        Tensor p = tensor([3f, 0f], [1, 2]), q = zeros(1, 2);
        Assert.Equal(4.5, Premetrics.SquaredError(p, q).item<float>(), 1e-6);
        Assert.Equal((Math.Sqrt(9 + 0.25) - 0.5) / 2, Premetrics.ElementwisePseudoHuber(0.5)(p, q).item<float>(), 1e-6);
    }

    [Fact]
    public void Constants_must_be_above_zero()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Premetrics.PseudoHuber(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => Premetrics.ElementwisePseudoHuber(-1));
    }

    private static double[] Rows(Tensor tensor) => [.. tensor.data<float>().ToArray().Select(value => (double)value)];
}
