using System;
using System.IO;
using System.Linq;
using System.Text;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

/// <summary>Marks GLIBCXX_3.4.32 as a weak requirement in every libLibTorchSharp.so below a folder, where this host lacks that version.</summary>
public class MillraceWeakenGlibcxxRequirement : Task
{
    private const string Version = "GLIBCXX_3.4.32";
    private const uint SectionTypeVersionNeeds = 0x6ffffffe;
    private const ushort WeakFlag = 0x2;

    [Required]
    public string Folder { get; set; }

    public override bool Execute()
    {
        if (!Directory.Exists(Folder))
        {
            return true;
        }

        string[] libraries =
            new[] { Folder, Path.Combine(Folder, "runtimes", "linux-x64", "native") }
            .Select(folder => Path.Combine(folder, "libLibTorchSharp.so"))
            .Where(File.Exists)
            .ToArray();
        if (libraries.Length == 0 || HostHasVersion())
        {
            return true;
        }

        foreach (string library in libraries)
        {
            byte[] image = File.ReadAllBytes(library);
            if (Weaken(image))
            {
                // A new file moved into place: the old one may be a hard link into the package cache.
                string patched = library + ".patched";
                File.WriteAllBytes(patched, image);
                File.Delete(library);
                File.Move(patched, library);
                Log.LogMessage(MessageImportance.Normal, "{0}: {1} is now a weak requirement (this host's libstdc++ lacks it).", library, Version);
            }
        }

        return true;
    }

    private static bool HostHasVersion()
    {
        string[] candidates =
        {
            "/usr/lib/x86_64-linux-gnu/libstdc++.so.6", "/lib/x86_64-linux-gnu/libstdc++.so.6",
            "/usr/lib64/libstdc++.so.6", "/lib64/libstdc++.so.6", "/usr/lib/libstdc++.so.6",
        };
        string found = candidates.FirstOrDefault(File.Exists);
        return found == null || Encoding.ASCII.GetString(File.ReadAllBytes(found)).Contains(Version + "\0");
    }

    /// <summary>Sets the weak flag; false where the image has no such requirement or has it weak already.</summary>
    private static bool Weaken(byte[] image)
    {
        bool isElf64LittleEndian = image.Length > 64 && image[0] == 0x7f && image[1] == 'E' && image[2] == 'L' && image[3] == 'F' && image[4] == 2 && image[5] == 1;
        if (!isElf64LittleEndian)
        {
            return false;
        }

        long sectionTable = BitConverter.ToInt64(image, 0x28);
        int sectionSize = BitConverter.ToUInt16(image, 0x3a);
        int sectionCount = BitConverter.ToUInt16(image, 0x3c);
        for (int section = 0; section < sectionCount; section++)
        {
            int header = (int)(sectionTable + ((long)section * sectionSize));
            if (BitConverter.ToUInt32(image, header + 4) != SectionTypeVersionNeeds)
            {
                continue;
            }

            int strings = (int)BitConverter.ToInt64(image, (int)(sectionTable + (BitConverter.ToUInt32(image, header + 0x28) * (long)sectionSize)) + 0x18);
            for (int need = (int)BitConverter.ToInt64(image, header + 0x18); ;)
            {
                int auxiliary = need + (int)BitConverter.ToUInt32(image, need + 8);
                for (int left = BitConverter.ToUInt16(image, need + 2); left > 0; left--)
                {
                    int name = strings + (int)BitConverter.ToUInt32(image, auxiliary + 8);
                    if (NameAt(image, name) == Version)
                    {
                        ushort flags = BitConverter.ToUInt16(image, auxiliary + 4);
                        BitConverter.GetBytes((ushort)(flags | WeakFlag)).CopyTo(image, auxiliary + 4);
                        return (flags & WeakFlag) == 0;
                    }

                    auxiliary += (int)BitConverter.ToUInt32(image, auxiliary + 12);
                }

                int next = (int)BitConverter.ToUInt32(image, need + 12);
                if (next == 0)
                {
                    break;
                }

                need += next;
            }
        }

        return false;
    }

    private static string NameAt(byte[] image, int offset)
    {
        int end = Array.IndexOf(image, (byte)0, offset);
        return Encoding.ASCII.GetString(image, offset, end - offset);
    }
}
