// Records pictures as they come: each as WebP or PNG into an archive, or all as a video. Tells "change" as it begins, counts and ends.
import { zip } from "./zip.js";

const MOST_PICTURES = 9999, VIDEO_SIDE = 512, VIDEO_RATE = 30;
const VIDEO_TYPES = ["video/mp4;codecs=avc1", "video/webm;codecs=vp9", "video/webm"];

export class Recorder extends EventTarget {
  #files = null;
  #form = null;
  #video = null;
  #screen = null;
  #coding = Promise.resolve();

  count = 0;

  get running() {
    return this.#form !== null;
  }

  /** Begins; the form is "webp", "png" or "video". */
  start(form) {
    this.count = 0;
    this.#files = [];
    if (form === "video") this.#film();
    this.#form = form;
    this.#tell();
  }

  add(canvas) {
    if (!this.running) return;
    this.count++;
    if (this.#form === "video") {
      this.#screen.drawImage(canvas, 0, 0, VIDEO_SIDE, VIDEO_SIDE);
    } else if (this.count <= MOST_PICTURES) {
      this.#coding = Promise.all([this.#coding, this.#keep(`picture-${String(this.count).padStart(4, "0")}`, canvas.convertToBlob({ type: `image/${this.#form}`, quality: 0.95 }))]);
    }
    this.#tell();
  }

  /** Ends, and gives the file: `{ blob, extension }`, or null where nothing was recorded. */
  async stop() {
    const video = this.#video;
    this.#form = this.#video = null;
    this.#tell();
    if (video) {
      const ended = new Promise(resolve => video.addEventListener("stop", resolve, { once: true }));
      video.stop();
      await ended;
      return this.count ? { blob: new Blob(this.#files, { type: video.mimeType }), extension: video.mimeType.includes("mp4") ? "mp4" : "webm" } : null;
    }
    await this.#coding;
    this.#files.sort((a, b) => a.name.localeCompare(b.name));
    return this.count ? { blob: zip(this.#files), extension: "zip" } : null;
  }

  async #keep(name, coded) {
    const files = this.#files, blob = await coded, form = blob.type.split("/")[1]; // PNG where the browser writes no WebP
    files.push({ name: `${name}.${form}`, bytes: new Uint8Array(await blob.arrayBuffer()) });
  }

  #film() {
    const canvas = Object.assign(document.createElement("canvas"), { width: VIDEO_SIDE, height: VIDEO_SIDE });
    this.#screen = canvas.getContext("2d");
    this.#screen.imageSmoothingQuality = "high";
    this.#video = new MediaRecorder(canvas.captureStream(VIDEO_RATE), { mimeType: VIDEO_TYPES.find(type => MediaRecorder.isTypeSupported(type)), videoBitsPerSecond: 6_000_000 });
    this.#video.addEventListener("dataavailable", ({ data }) => this.#files.push(data));
    this.#video.start();
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}
