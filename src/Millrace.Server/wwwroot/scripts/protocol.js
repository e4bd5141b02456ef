// Binary messages of docs/protocol.md: a header of 32 bytes, then pixels.

export const Codec = { none: 0, jpeg: 1, webp: 2, png: 3, raw: 4 };

const HEADER = 32, VERSION = 1, REPEATED = 1;
const MEDIA_TYPES = ["", "image/jpeg", "image/webp", "image/png"];

/** The message of a frame; `timestamp` is in milliseconds of any clock that does not run back. */
export function writeFrame({ codec, id, timestamp, width = 0, height = 0, body = new Uint8Array() }) {
  const message = new Uint8Array(HEADER + body.length), header = new DataView(message.buffer);
  header.setUint8(0, VERSION);
  header.setUint8(1, codec);
  header.setBigInt64(8, BigInt(id), true);
  header.setBigInt64(16, BigInt(Math.round(timestamp * 1000)), true);
  header.setUint16(24, width, true);
  header.setUint16(26, height, true);
  message.set(body, HEADER);
  return message;
}

/** What a picture's message says; latency and timestamp in milliseconds. */
export function readPicture(buffer) {
  const header = new DataView(buffer);
  return {
    codec: header.getUint8(1),
    repeated: (header.getUint16(2, true) & REPEATED) !== 0,
    latency: header.getUint32(4, true) / 1000,
    id: Number(header.getBigInt64(8, true)),
    timestamp: Number(header.getBigInt64(16, true)) / 1000,
    width: header.getUint16(24, true),
    height: header.getUint16(26, true),
    body: new Uint8Array(buffer, HEADER),
  };
}

/** A picture's pixels, as something that a canvas draws. */
export async function decode({ codec, width, height, body }) {
  return createImageBitmap(codec === Codec.raw ? withAlpha(body, width, height) : new Blob([body], { type: MEDIA_TYPES[codec] }));
}

/** Red, green, blue of pixels, without what covers nothing. */
export function withoutAlpha({ data }) {
  const rgb = new Uint8Array(data.length / 4 * 3);
  for (let from = 0, to = 0; from < data.length; from += 4, to += 3) {
    rgb[to] = data[from];
    rgb[to + 1] = data[from + 1];
    rgb[to + 2] = data[from + 2];
  }
  return rgb;
}

function withAlpha(rgb, width, height) {
  const image = new ImageData(width, height), { data } = image;
  for (let from = 0, to = 0; from < rgb.length; from += 3, to += 4) {
    data[to] = rgb[from];
    data[to + 1] = rgb[from + 1];
    data[to + 2] = rgb[from + 2];
    data[to + 3] = 255;
  }
  return image;
}
