// Drawing, connection and settings together: what is drawn goes out, what comes back is handed on.
import { Codec, decode, withoutAlpha, writeFrame } from "./protocol.js";
import { Connection } from "./connection.js";
import { Pump } from "./pump.js";

const RAW_UP_TO = 128 * 128; // pixels; larger frames travel compressed
const CHANGES_EVERY = 40; // milliseconds
const OF_A_STREAM = ["size", "model"]; // what only a new stream can change

/** Tells "picture" (detail: { image, width, height, roundTrip, latency, repeated }); and, of its connection, "state", "welcome", "refused", "statistics". */
export class Studio extends EventTarget {
  #drawing;
  #settings;
  #connection = new Connection(() => ({ model: this.#settings.values.model || undefined, settings: this.#settings.toWire(this.#mode) }));
  #pump = new Pump(id => this.#send(id), () => this.#connection.open ? this.#connection.backlog : null);
  #frame = new OffscreenCanvas(64, 64).getContext("2d", { willReadFrequently: true });
  #mode = "imageToImage";
  #shown = -1;
  #timer = 0;
  #asked = 0; // changes that the server has not confirmed

  constructor(drawing, settings) {
    super();
    [this.#drawing, this.#settings] = [drawing, settings];
    drawing.addEventListener("change", () => this.#pump.changed());
    settings.addEventListener("change", ({ detail }) => detail.some(name => OF_A_STREAM.includes(name)) ? this.#connection.reopen() : this.#change());
    this.#connection.addEventListener("welcome", ({ detail }) => this.#welcome(detail));
    this.#connection.addEventListener("picture", ({ detail }) => this.#receive(detail));
    for (const answer of ["settings", "refused"]) this.#connection.addEventListener(answer, () => this.#confirmed());
    for (const name of ["state", "refused", "statistics"]) this.#connection.addEventListener(name, ({ detail }) => this.#tell(name, detail));
  }

  get connection() {
    return this.#connection;
  }

  /** Whether a newer picture than the one shown is under way. */
  get busy() {
    return this.#timer !== 0 || this.#asked > 0 || !this.#pump.rests;
  }

  /** Whether the source moves by itself, and whether pictures come from words alone. */
  setSource({ moving, words }) {
    const mode = words ? "textToImage" : "imageToImage";
    this.#pump.moving = moving;
    if (mode !== this.#mode) {
      this.#mode = mode;
      this.#change();
    }
    this.#pump.changed();
  }

  #welcome(welcome) {
    const { lastFrame, settings, resumed } = welcome;
    [this.#frame.canvas.width, this.#frame.canvas.height] = [settings.width, settings.height];
    this.#shown = lastFrame;
    this.#asked = 0;
    this.#pump.window = settings.steps.length + 1;
    this.#tell("welcome", welcome);
    if (resumed) this.#change();
    this.#pump.start(lastFrame + 1);
  }

  #change() {
    this.#timer ||= setTimeout(() => {
      this.#timer = 0;
      const { width, height, ...settings } = this.#settings.toWire(this.#mode);
      this.#pump.window = settings.steps.length + 1;
      if (!this.#connection.open) return; // the next hello says it
      this.#asked++;
      this.#connection.say({ type: "set", settings });
    }, CHANGES_EVERY);
  }

  #confirmed() {
    this.#asked--;
    this.#pump.changed();
  }

  async #send(id) {
    const timestamp = performance.now();
    if (this.#mode === "textToImage") return this.#connection.sendFrame(writeFrame({ codec: Codec.none, id, timestamp }));
    this.#drawing.paint(this.#frame);
    const { width, height } = this.#frame.canvas;
    if (width * height <= RAW_UP_TO) {
      const body = withoutAlpha(this.#frame.getImageData(0, 0, width, height));
      return this.#connection.sendFrame(writeFrame({ codec: Codec.raw, id, timestamp, width, height, body }));
    }
    const blob = await this.#frame.canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 });
    const message = writeFrame({ codec: Codec.jpeg, id, timestamp, body: new Uint8Array(await blob.arrayBuffer()) });
    if (this.#connection.open) this.#connection.sendFrame(message);
  }

  async #receive(picture) {
    const { id, timestamp, width, height, latency, repeated } = picture;
    this.#pump.answered(id);
    const roundTrip = performance.now() - timestamp;
    const image = await decode(picture);
    if (id > this.#shown) { // decoding may overtake
      this.#shown = id;
      this.#tell("picture", { image, width, height, roundTrip, latency, repeated });
    }
    image.close();
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
