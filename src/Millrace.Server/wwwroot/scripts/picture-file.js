// A picture that knows how it was made: PNG with settings and strokes as JSON in a text chunk, and back; and that says, as XMP, that a model made it.
import { crc32 } from "./crc32.js";

const KEYWORD = "millrace", SIGNATURE = 8, OVERHEAD = 12; // a chunk is length, name, data, checksum
const XMP_KEYWORD = "XML:com.adobe.xmp", GENERATED = `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmp:CreatorTool="Millrace" Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"/></rdf:RDF></x:xmpmeta>`;

/** A PNG blob of a canvas that carries `facts`. */
export async function writePicture(canvas, facts) {
  const blob = await canvas.convertToBlob({ type: "image/png" }), png = new Uint8Array(await blob.arrayBuffer());
  const end = png.length - OVERHEAD; // IEND is the last, and empty
  return new Blob([png.subarray(0, end), textChunk(XMP_KEYWORD, GENERATED), textChunk(KEYWORD, JSON.stringify(facts)), png.subarray(end)], { type: "image/png" });
}

/** What a picture or a JSON file says of its making; null where it says nothing. */
export async function readFacts(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const text = file.name.toLowerCase().endsWith(".json") ? new TextDecoder().decode(bytes) : textOf(bytes);
  try {
    const facts = JSON.parse(text);
    return facts?.millrace === 1 ? facts : null;
  } catch {
    return null;
  }
}

function textChunk(keyword, text) {
  const body = new TextEncoder().encode(`iTXt${keyword}\0\0\0\0\0${text}`); // not compressed, no language
  const chunk = new Uint8Array(body.length + 8), view = new DataView(chunk.buffer);
  view.setUint32(0, body.length - 4);
  chunk.set(body, 4);
  view.setUint32(body.length + 4, crc32(body));
  return chunk;
}

function textOf(png) {
  const view = new DataView(png.buffer);
  for (let at = SIGNATURE; at + OVERHEAD <= png.length;) {
    const length = view.getUint32(at), data = new TextDecoder().decode(png.subarray(at + 4, at + Math.min(8 + length, 30)));
    if (data.startsWith(`iTXt${KEYWORD}\0`)) return new TextDecoder().decode(png.subarray(at + 8 + KEYWORD.length + 5, at + 8 + length));
    at += OVERHEAD + length;
  }
  return "";
}
