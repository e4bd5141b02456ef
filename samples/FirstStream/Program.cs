using Millrace.Checkpoints;
using Millrace.Imaging.Sinks;
using Millrace.Imaging.Sources;
using Millrace.Streaming;

using DiffusionModel model = DiffusersFolder.Load("models/emoji");
using var pipeline = new StreamPipeline(model.Denoiser, model.Autoencoder, model.TextEncoder, model.Process, new StreamOptions(), "red apple");
await using var source = FrameSources.Open(args[0]);
await using var sink = FrameSinks.Create(args[1]);
await new StreamEngine(pipeline).RunAsync(source, sink);
