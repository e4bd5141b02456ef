using static TorchSharp.torch;

Console.WriteLine(randn(2, 2).mm(randn(2, 2)).ToString());
