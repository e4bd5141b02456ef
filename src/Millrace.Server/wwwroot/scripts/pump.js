// When a frame is sent. A still drawing costs nobody anything: frames flow while something changes, until its picture is back.
// One frame more than the stream has steps is under way, so that the server never waits for the network.

const CLOSEST = 1000 / 75; // milliseconds between two frames
const MOST_BACKLOG = 1 << 20; // bytes that wait for the network

export class Pump {
  #send;
  #ready;
  #wanted = 1; // rises with each change
  #under = new Map(); // what was wanted when a frame left, by the frame's id
  #seen = 0; // what the last picture shows
  #next = 0;
  #lastSent = 0;
  #timer = 0;
  #busy = false;

  /** Frames that may be under way. */
  window = 3;
  /** Whether the source moves by itself. */
  moving = false;

  /** Whether the last picture shows all that has changed. */
  get rests() {
    return !this.moving && this.#seen === this.#wanted;
  }

  /** `send(id)` sends a frame, or promises to; `ready()` is the bytes that wait, or null where nothing may be sent. */
  constructor(send, ready) {
    [this.#send, this.#ready] = [send, ready];
  }

  /** The next id to be given, after a welcome; nothing is under way any more. */
  start(next) {
    this.#next = next;
    this.#under.clear();
    this.changed();
  }

  changed() {
    this.#wanted++;
    this.#tick();
  }

  answered(id) {
    this.#seen = Math.max(this.#seen, this.#under.get(id) ?? 0);
    for (const sent of this.#under.keys()) if (sent <= id) this.#under.delete(sent); // those between were dropped
    this.#tick();
  }

  async #tick() {
    clearTimeout(this.#timer);
    const backlog = this.#ready();
    if (this.#busy || backlog === null || this.rests || this.#under.size >= this.window) return;
    const wait = backlog > MOST_BACKLOG ? 50 : this.#lastSent + CLOSEST - performance.now();
    if (wait > 0) {
      this.#timer = setTimeout(() => this.#tick(), wait);
      return;
    }
    this.#busy = true;
    this.#lastSent = performance.now();
    const id = this.#next++;
    this.#under.set(id, this.#wanted);
    try {
      await this.#send(id);
    } finally {
      this.#busy = false;
    }
    this.#tick();
  }
}
