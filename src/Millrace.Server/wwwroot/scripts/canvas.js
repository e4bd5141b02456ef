// The surface one draws on: paper, or a source's picture, with the strokes over it. Tells "change" for each bit that is drawn.
import { Strokes } from "./strokes.js";

const SIDE = 640;
const UNPRESSED = 0.5; // what devices without pressure report

export class DrawingCanvas extends EventTarget {
  #canvas;
  #screen;
  #pointer = null;
  #waiting = false;

  strokes = new Strokes(SIDE);
  brush = { erases: false, colour: "#e03131", width: 0.06 };
  /** What lies below the strokes: something a canvas draws, or null for paper. */
  backdrop = () => null;

  constructor(canvas) {
    super();
    canvas.width = canvas.height = SIDE;
    this.#canvas = canvas;
    this.#screen = canvas.getContext("2d", { willReadFrequently: true });
    canvas.addEventListener("pointerdown", event => this.#down(event));
    canvas.addEventListener("pointermove", event => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, event => this.#up(event));
    this.redraw();
  }

  /** Paints all there is on a context, cropped to its shape. */
  paint(context) {
    const { width, height } = context.canvas, backdrop = this.backdrop();
    context.imageSmoothingQuality = "high";
    context.fillStyle = "white";
    context.fillRect(0, 0, width, height);
    if (backdrop) cover(context, backdrop.image, backdrop.mirrored);
    context.drawImage(this.strokes.layer, 0, 0, width, height);
  }

  /** Shows what is there at the screen's next turn. */
  redraw() {
    if (this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame(() => {
      this.#waiting = false;
      this.paint(this.#screen);
    });
  }

  /** Says that the drawing is another one. */
  changed() {
    this.redraw();
    this.dispatchEvent(new Event("change"));
  }

  beginStroke() {
    this.strokes.begin(this.brush.erases ? null : this.brush.colour, this.brush.width);
  }

  endStroke() {
    this.strokes.end();
    this.changed();
  }

  #down(event) {
    if (event.button !== 0 && event.button !== 5) return;
    event.preventDefault();
    this.#canvas.focus({ preventScroll: true });
    this.#canvas.setPointerCapture(event.pointerId);
    if (this.#pointer !== null) return; // a second finger does not draw
    this.#pointer = event.pointerId;
    const { erases } = this.brush;
    this.brush.erases = erases || event.button === 5; // the other end of a pen
    this.beginStroke();
    this.brush.erases = erases;
    this.#extend([event]);
  }

  #move(event) {
    if (event.pointerId === this.#pointer) this.#extend(event.getCoalescedEvents?.().length ? event.getCoalescedEvents() : [event]);
  }

  #up(event) {
    if (event.pointerId !== this.#pointer) return;
    this.#pointer = null;
    this.endStroke();
  }

  #extend(events) {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    for (const event of events) {
      const pressure = event.pointerType === "pen" ? event.pressure : UNPRESSED;
      this.strokes.extend((event.clientX - left) / width, (event.clientY - top) / height, pressure);
    }
    this.changed();
  }
}

function cover(context, image, mirrored) {
  const { width, height } = context.canvas;
  const iw = image.videoWidth ?? image.width, ih = image.videoHeight ?? image.height;
  if (!iw || !ih) return;
  const scale = Math.max(width / iw, height / ih);
  context.save();
  context.translate(width / 2, height / 2);
  context.scale(mirrored ? -scale : scale, scale);
  context.drawImage(image, -iw / 2, -ih / 2);
  context.restore();
}
