// The result: the last picture as it came, and enlarged on the screen; and, where the next one stays away for long, that it is being made.

const LONG = 700; // milliseconds

export class Viewer {
  #screen;
  #waiting;
  #native = new OffscreenCanvas(64, 64);
  #timer = 0;

  /** Whether a picture has come yet. */
  filled = false;

  /** `waiting` stands in place of the first picture. */
  constructor(canvas, waiting) {
    this.#waiting = waiting;
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
    this.filled = this.#waiting.hidden = true;
    this.#came();
  }

  /** Whether a newer picture is under way. */
  expect(busy) {
    this.#screen.canvas.ariaBusy = String(busy);
    if (!busy) this.#came();
    else this.#timer ||= setTimeout(() => this.#screen.canvas.parentElement.classList.add("late"), LONG);
  }

  #came() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#screen.canvas.parentElement.classList.remove("late");
  }
}
