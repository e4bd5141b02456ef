// The smallest client of docs/protocol.md: draw on the left, see the picture on the right.
"use strict";
const HEADER = 32, RAW = 4;
const drawing = document.getElementById("drawing"), picture = document.getElementById("picture");
const prompt = document.getElementById("prompt"), state = document.getElementById("state");
const pen = drawing.getContext("2d", { willReadFrequently: true }), screen = picture.getContext("2d");
let socket, resume, frame = 0;

pen.fillStyle = "white";
pen.fillRect(0, 0, drawing.width, drawing.height);
pen.lineWidth = 6;
pen.lineCap = "round";
pen.strokeStyle = "crimson";

function connect() {
  socket = new WebSocket(location.origin.replace(/^http/, "ws") + "/v1/stream", "millrace.v1");
  socket.binaryType = "arraybuffer";
  socket.onopen = () => socket.send(JSON.stringify({ type: "hello", version: 1, resume, settings: { prompt: prompt.value, codec: "raw", steps: [16, 32] } }));
  socket.onmessage = ({ data }) => typeof data === "string" ? listen(JSON.parse(data)) : show(data);
  socket.onclose = ({ code, reason }) => {
    state.textContent = `Closed (${code}): ${reason || "connection lost"}. Trying again.`;
    setTimeout(connect, 1000);
  };
}

function listen(message) {
  if (message.type === "welcome") {
    resume = message.resume;
    frame = message.lastFrame + 1;
    send();
  } else if (message.type === "statistics") {
    state.textContent = `${message.latencyP50.toFixed(0)} ms from stroke to picture; ${message.framesDropped} frames dropped`;
  } else if (message.type === "error") {
    state.textContent = message.message;
  }
}

function send() {
  if (socket.readyState !== WebSocket.OPEN) return;
  const pixels = pen.getImageData(0, 0, drawing.width, drawing.height).data;
  const bytes = new Uint8Array(HEADER + 3 * drawing.width * drawing.height), head = new DataView(bytes.buffer);
  bytes[0] = 1;
  bytes[1] = RAW;
  head.setBigInt64(8, BigInt(frame++), true);
  head.setBigInt64(16, BigInt(Math.round(performance.now() * 1000)), true);
  head.setUint16(24, drawing.width, true);
  head.setUint16(26, drawing.height, true);
  for (let from = 0, to = HEADER; from < pixels.length; from += 4, to += 3) bytes.set(pixels.subarray(from, from + 3), to);
  socket.send(bytes);
}

function show(data) {
  const head = new DataView(data), pixels = new Uint8Array(data, HEADER);
  const width = head.getUint16(24, true), height = head.getUint16(26, true), image = new ImageData(width, height);
  for (let from = 0, to = 0; from < pixels.length; from += 3, to += 4) {
    image.data.set(pixels.subarray(from, from + 3), to);
    image.data[to + 3] = 255;
  }
  picture.width = width;
  picture.height = height;
  screen.putImageData(image, 0, 0);
}

drawing.addEventListener("pointermove", event => {
  if (!event.buttons) return pen.beginPath();
  pen.lineTo(event.offsetX * drawing.width / drawing.clientWidth, event.offsetY * drawing.height / drawing.clientHeight);
  pen.stroke();
  send();
});
prompt.addEventListener("input", () => {
  socket.send(JSON.stringify({ type: "set", settings: { prompt: prompt.value } }));
  send();
});
connect();
