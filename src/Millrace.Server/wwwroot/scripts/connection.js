// The WebSocket of one stream: says hello, comes back after a loss, and tells what happens as events:
// "welcome", "settings", "refused", "statistics" (detail: the message), "picture" (detail: its header and pixels), "state" (detail: { state, text }).
import { readPicture } from "./protocol.js";

const VERSION = 1, FIRST_WAIT = 300, LONGEST_WAIT = 3000, PING_EVERY = 20_000;
const Close = { wrongKey: 4001, refused: 4003, noModel: 4004, takenOver: 4011 };
const RESUMABLE = new Set([1001, 1006, 4008, 4010]);

export class Connection extends EventTarget {
  #hello;
  #socket = null;
  #token = null;
  #attempts = 0;
  #lost = false;
  #timer = 0;
  #key = sessionStorage.getItem("key") ?? undefined;

  /** `hello` gives model and settings of a new stream whenever one is opened. */
  constructor(hello) {
    super();
    this.#hello = hello;
    setInterval(() => this.say({ type: "ping", at: performance.now() }), PING_EVERY);
  }

  get open() {
    return this.#socket?.readyState === WebSocket.OPEN && this.#attempts === 0;
  }

  /** Bytes that the network has not taken yet. */
  get backlog() {
    return this.#socket?.bufferedAmount ?? 0;
  }

  connect() {
    clearTimeout(this.#timer);
    this.#attempts++;
    if (!this.#lost) this.#tell("connecting", "Connecting");
    const socket = new WebSocket(location.origin.replace(/^http/, "ws") + "/v1/stream", "millrace.v1");
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#write({ type: "hello", version: VERSION, key: this.#key, resume: this.#token ?? undefined, ...this.#hello() });
    socket.onmessage = ({ data }) => typeof data === "string" ? this.#hear(JSON.parse(data)) : this.#emit("picture", readPicture(data));
    socket.onclose = event => socket === this.#socket && this.#closed(event);
    this.#socket = socket;
  }

  /** Ends the stream and opens another. */
  reopen() {
    const before = this.#socket;
    this.#socket = this.#token = null;
    this.#attempts = 0;
    before?.close(1000);
    this.connect();
  }

  useKey(key) {
    sessionStorage.setItem("key", key);
    this.#key = key;
    this.connect();
  }

  /** Says something where there is anyone to hear it. */
  say(message) {
    if (this.open) this.#write(message);
  }

  sendFrame(message) {
    this.#socket.send(message);
  }

  #write(message) {
    this.#socket.send(JSON.stringify(message));
  }

  #hear(message) {
    if (message.type === "welcome") {
      const back = this.#lost ? message.resumed ? "Back: the stream goes on" : "Back: the server had started anew, so has the stream" : "Live";
      this.#token = message.resume;
      this.#attempts = 0;
      this.#lost = false;
      this.#emit("welcome", message);
      this.#tell("live", back);
    } else {
      this.#emit(message.type === "error" ? "refused" : message.type, message);
    }
  }

  #closed({ code, reason }) {
    this.#lost ||= this.#token !== null;
    if (!RESUMABLE.has(code)) this.#token = null;
    if (code === Close.takenOver) return this.#tell("ended", "This stream goes on in another window");
    if (code === Close.wrongKey) return this.#tell("locked", "This server asks for a key");
    if (code === Close.noModel) return this.#tell("refused", reason);
    const wait = code === Close.refused ? 3 * LONGEST_WAIT : Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#attempts);
    this.#tell("lost", RESUMABLE.has(code) ? "Connection lost. Trying again" : `${reason || "The server closed the stream."} Trying again`);
    this.#timer = setTimeout(() => this.connect(), wait);
  }

  #tell(state, text) {
    this.#emit("state", { state, text });
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
