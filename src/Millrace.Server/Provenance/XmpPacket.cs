using System.Globalization;
using System.Security;
using System.Text;
using System.Xml.Linq;

namespace Millrace.Server.Provenance;

/// <summary>What a picture says of its making: an XMP packet (ISO 16684-1) with IPTC's word for pictures that a trained model made.</summary>
internal static class XmpPacket
{
    private const string TrainedAlgorithmicMedia = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia";

    private static readonly XName SourceType = XName.Get("DigitalSourceType", "http://iptc.org/std/Iptc4xmpExt/2008-02-29/");

    /// <summary>The element that holds the settings.</summary>
    public static XName Settings { get; } = XName.Get("settings", "urn:millrace:settings:1");

    /// <summary>Whether a packet, ours or another's, says that a trained model made the picture; as element or as attribute.</summary>
    public static bool SaysGenerated(XDocument packet) => packet.Descendants()
        .Any(element => (element.Name == SourceType && element.Value == TrainedAlgorithmicMedia) || element.Attribute(SourceType)?.Value == TrainedAlgorithmicMedia);

    /// <param name="settings">How it was made, as JSON.</param>
    /// <param name="made">When.</param>
    public static byte[] Of(string settings, DateTimeOffset made) => Encoding.UTF8.GetBytes($"""
        <?xpacket begin="{'\ufeff'}" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:millrace="urn:millrace:settings:1"><xmp:CreatorTool>Millrace</xmp:CreatorTool><xmp:CreateDate>{made.ToString("yyyy-MM-ddTHH:mm:ssK", CultureInfo.InvariantCulture)}</xmp:CreateDate><Iptc4xmpExt:DigitalSourceType>{TrainedAlgorithmicMedia}</Iptc4xmpExt:DigitalSourceType><millrace:settings>{SecurityElement.Escape(settings)}</millrace:settings></rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>
        """);
}
