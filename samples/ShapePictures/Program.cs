// Draws pictures with captions to train on: shapes of six colours on white. Usage: ShapePictures FOLDER COUNT
using Millrace.Imaging;
using Millrace.Imaging.Sinks;

const int Side = 64, Samples = 4;
(string Name, byte[] Rgb)[] colours =
    [("red", [214, 40, 40]), ("orange", [247, 127, 0]), ("yellow", [252, 203, 40]), ("green", [56, 142, 60]), ("blue", [33, 100, 210]), ("purple", [126, 60, 170])];
(string Name, Func<double, double, bool> Holds)[] shapes =
[
    ("circle", (x, y) => (x * x) + (y * y) < 1),
    ("ring", (x, y) => (x * x) + (y * y) is > 0.36 and < 1),
    ("square", (x, y) => Math.Max(Math.Abs(x), Math.Abs(y)) < 0.85),
    ("cross", (x, y) => Math.Min(Math.Abs(x), Math.Abs(y)) < 0.3 && Math.Max(Math.Abs(x), Math.Abs(y)) < 1),
    ("triangle", (x, y) => y < 0.8 && y > (1.8 * Math.Abs(x)) - 1),
];

(string folder, int count) = (args[0], int.Parse(args[1]));
Directory.CreateDirectory(folder);
var random = new Random(1);
for (int index = 0; index < count; index++)
{
    var (colour, rgb) = colours[random.Next(colours.Length)];
    var (shape, holds) = shapes[random.Next(shapes.Length)];
    double radius = Side * (0.2 + (0.2 * random.NextDouble()));
    double left = radius + ((Side - (2 * radius)) * random.NextDouble()), top = radius + ((Side - (2 * radius)) * random.NextDouble());
    var pixels = new byte[3 * Side * Side];
    for (int pixel = 0; pixel < Side * Side; pixel++)
    {
        int inside = Enumerable.Range(0, Samples * Samples).Count(sample => holds(
            ((pixel % Side) + ((sample % Samples) + 0.5) / Samples - left) / radius, ((pixel / Side) + ((sample / Samples) + 0.5) / Samples - top) / radius));
        double share = inside / (double)(Samples * Samples);
        for (int channel = 0; channel < 3; channel++)
        {
            pixels[(3 * pixel) + channel] = (byte)(255 + (share * (rgb[channel] - 255)));
        }
    }

    string name = Path.Combine(folder, $"{index:D4}");
    await using IFrameSink sink = FrameSinks.Create(name + ".png");
    await sink.WriteAsync(new Frame(index, TimeSpan.Zero, Side, Side, pixels));
    await sink.CompleteAsync();
    File.WriteAllText(name + ".txt", $"{colour} {shape}");
}
