// Where pictures come from: paper, camera, a picture or clip from disk, the screen, or words alone. Tells "change", and "fail" with a sentence.

const CAMERA = { video: { width: { ideal: 640 }, height: { ideal: 640 }, facingMode: "user" } };
const WHY = {
  NotAllowedError: "It was not allowed: look at the browser’s permissions.",
  NotFoundError: "None was found.",
  NotReadableError: "Another program is using it.",
};

export class Sources extends EventTarget {
  #video = document.createElement("video");
  #picture = null;
  #turn = 0;

  kind = "draw";

  constructor() {
    super();
    Object.assign(this.#video, { muted: true, playsInline: true, loop: true });
  }

  get moving() {
    return this.#playing;
  }

  get words() {
    return this.kind === "words";
  }

  /** What lies below the strokes now; null for paper. */
  get backdrop() {
    const image = this.#picture ?? (this.#playing ? this.#video : null);
    return image && { image, mirrored: this.kind === "camera" };
  }

  /** Changes to a source; where it cannot be had, to paper. */
  async choose(kind, file = null) {
    const turn = ++this.#turn;
    this.#stop();
    try {
      if (kind === "camera") await this.#play(() => devices("getUserMedia")(CAMERA), turn);
      else if (kind === "screen") await this.#play(() => devices("getDisplayMedia")({ video: { frameRate: 30 } }), turn);
      else if (kind === "file") await this.#open(file, turn);
      if (turn !== this.#turn) return;
      this.kind = kind;
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#stop();
      this.kind = "draw";
      this.dispatchEvent(new CustomEvent("fail", { detail: `The ${kind} cannot be used. ${WHY[error.name] ?? error.message}` }));
    }
    this.dispatchEvent(new Event("change"));
  }

  get #playing() {
    return Boolean(this.#video.srcObject || this.#video.src);
  }

  async #play(ask, turn) {
    const stream = await ask();
    if (turn !== this.#turn) return stream.getTracks().forEach(track => track.stop());
    stream.getVideoTracks()[0].addEventListener("ended", () => turn === this.#turn && this.choose("draw"));
    this.#video.srcObject = stream;
    await this.#video.play();
  }

  async #open(file, turn) {
    if (file.type.startsWith("image/")) {
      const picture = await createImageBitmap(file).catch(() => { throw new Error(`${file.name} is no picture that this browser reads.`); });
      if (turn === this.#turn) this.#picture = picture;
      return;
    }
    this.#video.src = URL.createObjectURL(file);
    await this.#video.play().catch(() => { throw new Error(`${file.name} is no picture or clip that this browser reads.`); });
  }

  #stop() {
    this.#video.srcObject?.getTracks().forEach(track => track.stop());
    if (this.#video.src) URL.revokeObjectURL(this.#video.src);
    this.#video.srcObject = null;
    this.#video.removeAttribute("src");
    this.#picture?.close();
    this.#picture = null;
  }
}

function devices(method) {
  const { mediaDevices } = navigator;
  if (!mediaDevices) throw new Error("Browsers give it to pages over https or of this machine only.");
  if (!mediaDevices[method]) throw new Error("This browser does not give it.");
  return ask => mediaDevices[method](ask);
}
