using CsCheck;
using Millrace.Compression.LayerPruning;
using Millrace.Compression.Pruning;
using Millrace.Compression.Recovery;
using Millrace.Compression.Segments;
using Millrace.Models;
using Millrace.Models.Layers;
using Millrace.Models.UNets;
using Millrace.Processes;
using Millrace.Tests.Support;
using Millrace.Training;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Tests.Compression;

/// <summary>LAPTOP-Diff: the additive one-shot criterion, the choice of layers, and distillation by normalized features.</summary>
public sealed class LayerPruningTests
{
    private static readonly VariancePreservingProcess Process = new(BetaSchedule.Linear, 0.0001, 0.02, 100);

    [Fact]
    public void A_layer_that_adds_nothing_costs_nothing_and_others_do()
    {
        using var scope = NewDisposeScope();
        using UNet2DModel network = CompressionNetworks.ClassUNet();
        Zero(network, "down_blocks.1.resnets.1.conv2");
        using EvaluationStates states = States();
        using var sensitivity = new LayerSensitivity(network, states);
        IReadOnlyList<LayerDamage> damages = sensitivity.Measure();

        Assert.Equal(BackboneSegments.Of(network).Removable.Select(layer => layer.Name), damages.Select(damage => damage.Layer.Name));
        Assert.Equal(0, damages.Single(damage => damage.Layer.Name == "down_blocks.1.resnets.1").Value);
        Assert.Equal(damages.Count - 1, damages.Count(damage => damage.Value > 0));
        Assert.All(damages, damage => Assert.Equal(damage.Value, damage.Quartiles.Average(), 1e-12));
        Assert.Equal(0, sensitivity.Joint([]));
        Assert.Equal(0, sensitivity.Of(network));

        // The referee: a network from which the layer is gone.
        LayerDamage one = damages[^1];
        using UNet2DModel smaller = Removal.Apply(network, HardMask.Of(BackboneSegments.Of(network), [one.Layer.Name]));
        Assert.Equal(1, sensitivity.Of(smaller) / one.Value, 1e-4);
        Assert.Equal(1, sensitivity.Joint([one.Layer.Name]) / one.Value, 1e-6);
    }

    [Fact]
    public void Damages_of_orthogonal_linear_layers_add_up()
    {
        // A network that is the sum of residual branches with outputs in different places, each a linear map of x.
        using var scope = NewDisposeScope();
        using var network = new OrthogonalNetwork();
        using var states = new EvaluationStates(randn([40, 3, 2, 2], generator: new Generator(1)), zeros(40), Conditioning.WithoutText(40));
        using var sensitivity = new LayerSensitivity(network, states);
        string[] layers = ["layers.0", "layers.1", "layers.2"];
        double sum = sensitivity.Measure(layers).Sum(damage => damage.Value);
        Assert.Equal(1, sensitivity.Joint(layers) / sum, 1e-5);
    }

    [Fact]
    public void The_choice_is_the_best_there_is_never_worse_than_greed_and_costs_more_the_more_it_saves() =>
        Gen.Select(Gen.Double[0, 1].Array[1, 12], Gen.Int[1, 30].Array[12], Gen.Double[0, 1]).Sample((damages, all, share) =>
        {
            double[] savings = [.. all.Take(damages.Length).Select(saving => (double)saving)];
            double wanted = Math.Floor(share * savings.Sum());
            double Cost(double atLeast) => LayerChoice.Least(damages, savings, atLeast).Sum(index => damages[index]);
            double best = Enumerable.Range(0, 1 << damages.Length)
                .Where(set => Chosen(set).Sum(index => savings[index]) >= wanted).Min(set => Chosen(set).Sum(index => damages[index]));
            IEnumerable<int> Chosen(int set) => Enumerable.Range(0, damages.Length).Where(index => (set >> index & 1) != 0);

            double greedy = 0, saved = 0;
            foreach (int index in Enumerable.Range(0, damages.Length).OrderBy(index => damages[index] / savings[index]))
            {
                (greedy, saved) = saved >= wanted ? (greedy, saved) : (greedy + damages[index], saved + savings[index]);
            }

            Assert.Equal(best, Cost(wanted), 1e-9);
            Assert.True(Cost(wanted) <= greedy + 1e-9);
            Assert.True(Cost(Math.Max(0, wanted - 1)) <= Cost(wanted) + 1e-9);
            Assert.True(LayerChoice.Least(damages, savings, wanted).Sum(index => savings[index]) >= wanted);
        }, iter: 60);

    [Fact]
    public void Savings_that_are_no_whole_numbers_are_enough_all_the_same()
    {
        double[] damages = [3, 1, 2, 5], savings = [0.0123, 0.31, 0.2, 0.7];
        IReadOnlyList<int> chosen = LayerChoice.Least(damages, savings, 0.5);
        Assert.Equal([1, 2], chosen);
        Assert.Empty(LayerChoice.Least(damages, savings, 0));
    }

    [Fact]
    public void A_choice_that_cannot_be_made_is_refused_with_the_most_that_can_be_saved()
    {
        Assert.Contains("All 2 layers together save 5", Assert.Throws<ArgumentException>(() => LayerChoice.Least([1, 1], [2, 3], 6)).Message, StringComparison.Ordinal);
        Assert.Contains("got 0 damages", Assert.Throws<ArgumentException>(() => LayerChoice.Least([], [], 0)).Message, StringComparison.Ordinal);
        Assert.Contains("got 1 damages and 2 savings", Assert.Throws<ArgumentException>(() => LayerChoice.Least([1], [2, 3], 1)).Message, StringComparison.Ordinal);
        Assert.Contains("at least 32 states, got 31", Assert.Throws<ArgumentException>(() => new EvaluationStates(zeros(31, 3, 2, 2), zeros(31), Conditioning.WithoutText(31))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Normalized_terms_say_how_far_a_feature_is_off_whatever_its_size()
    {
        using var scope = NewDisposeScope();
        var generator = new Generator(1);
        Tensor[] teacher = [randn([2, 4, 3, 3], generator: generator), randn([2, 8], generator: generator).Times(30), randn([5], generator: generator).Times(0.3)];
        double[] Terms(Func<Tensor, Tensor> student) => [.. FeatureDistance.Normalized(teacher, [.. teacher.Select(student)]).data<float>().Select(term => (double)term)];

        Assert.All(Terms(feature => feature.Times(0.7)), term => Assert.Equal(0.09, term, 1e-5));
        Assert.All(Terms(feature => feature.clone()), term => Assert.Equal(0, term));
        Tensor[] off = [.. teacher.Select(feature => feature.Plus(randn(feature.shape, generator: generator)))], scaled = [teacher[0].Times(50), .. teacher[1..]], scaledOff = [off[0].Times(50), .. off[1..]];
        Assert.True(Golden.RelativeError(FeatureDistance.Normalized(teacher, off), FeatureDistance.Normalized(scaled, scaledOff)) < 1e-5);
        Assert.Equal(1, FeatureDistance.Evenness(ones(3)), 1e-9);
        Assert.Equal(0, FeatureDistance.Evenness(tensor([1f, 0f, 0f])), 1e-9);
        Assert.Contains("at point 1 they are [2, 8] and [2, 7]", Assert.Throws<ArgumentException>(() => FeatureDistance.Normalized(teacher, [teacher[0], zeros(2, 7), teacher[2]])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Neither_teacher_nor_normalizer_get_a_gradient()
    {
        using var scope = NewDisposeScope();
        Tensor teacher = tensor([1f, 2f], requires_grad: true), student = tensor([2f, 2f], requires_grad: true);
        FeatureDistance.Normalized([teacher], [student]).sum().backward();
        Assert.Null(teacher.grad);
        Assert.Equal([0.4f, 0f], student.grad!.data<float>().ToArray(), (expected, actual) => Math.Abs(expected - actual) < 1e-6); // 2 (2 - 1) / (1 + 4)
    }

    [Fact]
    public void A_student_equal_to_its_teacher_has_the_ordinary_loss_alone_and_recovery_lowers_the_loss_of_a_pruned_one()
    {
        using var scope = NewDisposeScope();
        using UNet2DModel teacher = CompressionNetworks.ClassUNet();
        using UNet2DModel student = Removal.Apply(teacher, HardMask.Of(BackboneSegments.Of(teacher), ["down_blocks.0.resnets.1", "mid_block.attentions.0"]));
        RecoveryObjective<UNet2DModel> Objective(UNet2DModel of, RecoveryOptions options) => new(of, teacher, PredictionType.Epsilon, Process, Data, options);
        var draw = new TrainingDraw(0, 5);

        Tensor alone = Objective(teacher, new RecoveryOptions { Output = 0, Features = 0 }).Loss(draw), all = Objective(teacher, new RecoveryOptions()).Loss(draw);
        Assert.True(alone.Equals(all));
        RecoveryObjective<UNet2DModel> objective = Objective(student, new RecoveryOptions());
        using var folder = new Cli.TemporaryFolder();
        float before = objective.Loss(draw).item<float>();
        using (var trainer = new Trainer(objective, new TrainerOptions { Steps = 10, LearningRate = 2e-3, WarmupSteps = 1, AverageDecay = 0 }, folder.Path))
        {
            trainer.Run(1);
        }

        Assert.True(objective.Loss(draw).item<float>() < before);
        Assert.Throws<ArgumentOutOfRangeException>("Features", () => Objective(student, new RecoveryOptions { Features = -1 }));
        Living.StaysConstant(() =>
        {
            var own = new TrainingDraw(0, 5);
            objective.Loss(own).Dispose();
            foreach ((_, Tensor value) in own.Take())
            {
                value.Dispose();
            }
        }, repeats: 3);
    }

    [Fact]
    public void Other_criteria_see_weights_and_gradients()
    {
        using var scope = NewDisposeScope();
        using UNet2DModel network = CompressionNetworks.ClassUNet();
        IReadOnlyList<SegmentLayer> layers = BackboneSegments.Of(network).Removable;
        Zero(network, "mid_block.resnets.1.conv2"); // what stands before it in its layer gets no gradient either
        IReadOnlyDictionary<string, double> magnitude = LayerCriteria.Magnitude(network, layers), taylor = LayerCriteria.Taylor(
            network, layers, () => new RegressionObjective(network, new AutogradDenoiser(network, PredictionType.Epsilon, float32), Process, Data).Loss(new TrainingDraw(0, 1)));
        Assert.All(layers, layer => Assert.Equal(layer.Name != "mid_block.resnets.1", taylor[layer.Name] > 0));
        Assert.True(magnitude["mid_block.resnets.1"] < magnitude["mid_block.resnets.0"]);
    }

    private static CoupledBatch Data(long step, SeededRandom random) => new(
        random.Normal(32, 3, 8, 8).Times(0.5), random.Normal(32, 3, 8, 8), new Conditioning(empty([32, 0, 0])) { ClassLabels = random.Integers(4, 32) });

    private static EvaluationStates States() => EvaluationStates.Draw(Process, Data, seed: 3);

    private static void Zero(Module network, string layer)
    {
        using IDisposable noGrad = no_grad();
        foreach ((string name, TorchSharp.Modules.Parameter parameter) in network.named_parameters().Where(entry => entry.name.StartsWith(layer + ".", StringComparison.Ordinal)))
        {
            parameter.Fill(0);
        }
    }

    /// <summary>x + sum over layers of a linear map of x into the layer's own channel.</summary>
    private sealed class OrthogonalNetwork : Module, IConditionalNetwork
    {
        private readonly TorchSharp.Modules.ModuleList<ChannelLayer> _layers = new([.. Enumerable.Range(0, 3).Select(channel => new ChannelLayer(channel))]);

        public OrthogonalNetwork()
            : base(nameof(OrthogonalNetwork)) => register_module("layers", _layers);

        public ScalarType Precision => float32;

        public Tensor Predict(Tensor x, Tensor t, Conditioning conditioning) => _layers.Aggregate(x, (sum, layer) => sum.Plus(layer.call(x)));
    }

    private sealed class ChannelLayer : Module<Tensor, Tensor>, IResidualLayer
    {
        private readonly Convolution2d _map;
        private readonly int _channel;

        public ChannelLayer(int channel)
            : base(nameof(ChannelLayer))
        {
            _channel = channel;
            _map = new Convolution2d(3, 3, kernelSize: 1, bias: false).Initialize(new Generator((ulong)channel));
            using IDisposable noGrad = no_grad();
            using Tensor only = functional.one_hot(TensorArithmetic.Indices(1).Plus(_channel), 3).to(float32).view(3, 1, 1, 1);
            _map.Weight.mul_(only);
            register_module("map", _map);
        }

        public bool KeepsShape => true;

        public IReadOnlyList<string> Ends => ["map"];

        public void Remove() => throw new NotSupportedException();

        public override Tensor forward(Tensor x) => _map.call(x);
    }
}
