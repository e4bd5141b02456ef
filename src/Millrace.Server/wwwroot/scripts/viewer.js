// The result: the last picture as it came, and enlarged on the screen.

export class Viewer {
  #screen;
  #native = new OffscreenCanvas(64, 64);

  /** Whether a picture has come yet. */
  filled = false;

  constructor(canvas) {
    this.#screen = canvas.getContext("2d");
    this.#screen.imageSmoothingQuality = "high";
  }

  /** The picture in its own size. */
  get picture() {
    return this.#native;
  }

  show(image, width, height) {
    if (this.#native.width !== width || this.#native.height !== height) [this.#native.width, this.#native.height] = [width, height];
    this.#native.getContext("2d").drawImage(image, 0, 0);
    this.#screen.drawImage(image, 0, 0, this.#screen.canvas.width, this.#screen.canvas.height);
    this.filled = true;
  }
}
