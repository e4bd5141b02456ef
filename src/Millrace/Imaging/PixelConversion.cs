using static TorchSharp.torch;

namespace Millrace.Imaging;

/// <summary>8-bit pixels to image tensors in [-1, 1], and back.</summary>
public static class PixelConversion
{
    /// <summary>Frames to a batch.</summary>
    /// <param name="frames">At least one; all of one size.</param>
    /// <returns>[B, 3, H, W], float32 in [-1, 1]; the caller's to dispose.</returns>
    /// <exception cref="ArgumentException">Where there is no frame, or sizes differ.</exception>
    public static Tensor ToTensor(params IReadOnlyList<Frame> frames)
    {
        if (frames.Count == 0 || frames.Any(frame => (frame.Width, frame.Height) != (frames[0].Width, frames[0].Height)))
        {
            throw new ArgumentException("A batch needs at least one frame, all of one size.", nameof(frames));
        }

        int size = frames[0].Rgb.Length;
        using var scope = NewDisposeScope();
        Tensor bytes = empty([frames.Count, frames[0].Height, frames[0].Width, 3], dtype: uint8);
        for (int index = 0; index < frames.Count; index++)
        {
            frames[index].Rgb.CopyTo(bytes.bytes[(index * size)..]);
        }

        return bytes.permute(0, 3, 1, 2).to(float32).contiguous().Times(1 / 127.5).Plus(-1).MoveToOuterDisposeScope();
    }

    /// <summary>One image to a frame; values outside [-1, 1] are clamped.</summary>
    /// <param name="image">[3, H, W] or [1, 3, H, W], any floating-point type, on any device.</param>
    /// <param name="id">Of the frame.</param>
    /// <param name="timestamp">Of the frame.</param>
    /// <exception cref="InvalidDataException">Where a value is not a number.</exception>
    public static Frame ToFrame(Tensor image, long id, TimeSpan timestamp)
    {
        using var scope = NewDisposeScope();
        Tensor picture = image.dim() == 4 ? image.squeeze(0) : image;
        if (picture.dim() != 3 || picture.shape[0] != 3)
        {
            throw new ArgumentException($"A frame is made of an image [3, H, W], got [{string.Join(", ", image.shape)}].", nameof(image));
        }

        // A NaN survives the sum; an infinity of one sign would be clamped, but is no picture either.
        Tensor values = picture.to(float32);
        if (!float.IsFinite(values.sum().item<float>()))
        {
            throw new InvalidDataException($"Frame {id} holds a value that is not a finite number.");
        }

        Tensor bytes = values.Clamped(-1, 1).Plus(1).Times(127.5).round().to(uint8).permute(1, 2, 0).contiguous().cpu();
        return new Frame(id, timestamp, (int)picture.shape[2], (int)picture.shape[1], bytes.bytes.ToArray());
    }
}
