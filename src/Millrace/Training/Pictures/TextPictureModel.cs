using Millrace.Checkpoints;
using Millrace.Models;
using Millrace.Models.Autoencoders;
using Millrace.Models.Layers;
using Millrace.Models.TextEncoders;
using Millrace.Models.UNets;
using Millrace.Training.Data;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Millrace.Training.Pictures;

/// <summary>A model with prompts: tokenizer, text encoder and U-Net, all learned from the captions.</summary>
internal sealed class TextPictureModel : PictureModel
{
    private const int VocabularySize = 2000;

    private readonly ClipTokenizer _tokenizer;
    private readonly TextConditionalNetwork _network;
    private readonly Tensor _tokens, _empty;

    public TextPictureModel(PictureSet set, PictureShapes shapes, Generator initial, Device device)
    {
        _tokenizer = ClipTokenizerTrainer.Train(set.Captions, VocabularySize);
        ClipTextOptions text = shapes.Text(_tokenizer, set.Captions.Max(caption => _tokenizer.Tokenize(caption).Count));
        UNet2DConditionModel unet = new UNet2DConditionModel(shapes.WithText).Initialize(initial);
        ClipTextModel model = new ClipTextModel(text).Initialize(initial);
        _network = new TextConditionalNetwork(unet, model).to(device);
        var encoder = new ClipTextEncoder(model, _tokenizer);
        (_tokens, _empty) = (encoder.Tokens(set.Captions).DetachFromDisposeScope(), encoder.Tokens([""]).DetachFromDisposeScope());
    }

    public override Module Trained => _network;

    public override IConditionalNetwork Network => _network.UNet;

    public override Conditioning Condition(Tensor rows, SeededRandom random)
    {
        Tensor tokens = ConditionDropout.Drop(Unconditioned, _tokens.index_select(0, rows), _empty, random);
        return new Conditioning(_network.TextEncoder.call(tokens));
    }

    public override void Save(string folder, AutoencoderTiny autoencoder, PictureProcess process)
    {
        var kind = Of(process);
        DiffusersFolder.Save(
            folder, new StableDiffusionParts(_network.UNet, autoencoder, _network.TextEncoder, _tokenizer, kind.Process, kind.Prediction), ScalarType.Float16);
    }

    public override void Dispose()
    {
        _network.Dispose();
        _tokens.Dispose();
        _empty.Dispose();
    }
}
