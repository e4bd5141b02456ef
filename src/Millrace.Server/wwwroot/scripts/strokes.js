// What was drawn, as a list of strokes and clearings that can be undone, painted on a transparent layer.
// Positions and widths are shares of the layer's side: a drawing has no resolution.

export class Strokes {
  #layer;
  #done = [];
  #undone = [];

  constructor(side) {
    this.#layer = new OffscreenCanvas(side, side).getContext("2d", { willReadFrequently: true });
    this.#layer.lineCap = this.#layer.lineJoin = "round";
  }

  get layer() {
    return this.#layer.canvas;
  }

  get canUndo() {
    return this.#done.length > 0;
  }

  get canRedo() {
    return this.#undone.length > 0;
  }

  get empty() {
    return this.toJSON().length === 0;
  }

  /** Begins a stroke; without a colour it erases. */
  begin(colour, width) {
    this.#undone = [];
    this.#done.push({ colour, width: rounded(width), points: [] });
  }

  /** Goes on with the last stroke; pressure in 0..1. */
  extend(x, y, pressure) {
    const stroke = this.#done.at(-1);
    if (!stroke?.points) return; // was undone under the pen
    stroke.points.push([rounded(x), rounded(y), rounded(pressure)]);
    this.#paintTo(stroke, stroke.points.length - 1);
  }

  /** Ends the last stroke. */
  end() {
    const stroke = this.#done.at(-1);
    if (stroke?.points) this.#paintEnd(stroke);
  }

  clear() {
    if (this.empty) return;
    this.#undone = [];
    this.#done.push({});
    this.#repaint();
  }

  undo() {
    if (this.canUndo) this.#move(this.#done, this.#undone);
  }

  redo() {
    if (this.canRedo) this.#move(this.#undone, this.#done);
  }

  toJSON() {
    return this.#done.slice(this.#done.findLastIndex(stroke => !stroke.points) + 1);
  }

  /** Puts another drawing in place of this one; that can be undone too. */
  load(strokes) {
    if (this.canUndo) this.#done.push({});
    this.#done.push(...structuredClone(strokes));
    this.#undone = [];
    this.#repaint();
  }

  #move(from, to) {
    to.push(from.pop());
    this.#repaint();
  }

  #repaint() {
    this.#layer.clearRect(0, 0, this.layer.width, this.layer.height);
    for (const stroke of this.toJSON()) {
      stroke.points.forEach((_, last) => this.#paintTo(stroke, last));
      this.#paintEnd(stroke);
    }
  }

  /** Paints the piece that ends halfway to point `last`: a curve between middles, as a hand moves. */
  #paintTo({ colour, width, points }, last) {
    const [x, y, pressure] = points[last], [px, py] = points[Math.max(0, last - 1)], [ox, oy] = points[Math.max(0, last - 2)];
    this.#line(colour, width, pressure, (ox + px) / 2, (oy + py) / 2, px, py, (px + x) / 2, (py + y) / 2);
  }

  /** Paints the other half of the way to the last point. */
  #paintEnd({ colour, width, points }) {
    if (points.length < 2) return;
    const [[px, py], [x, y, pressure]] = points.slice(-2);
    this.#line(colour, width, pressure, (px + x) / 2, (py + y) / 2, x, y, x, y);
  }

  #line(colour, width, pressure, fromX, fromY, overX, overY, toX, toY) {
    const layer = this.#layer, side = layer.canvas.width;
    layer.globalCompositeOperation = colour ? "source-over" : "destination-out";
    layer.strokeStyle = colour ?? "black";
    layer.lineWidth = width * side * (0.35 + 0.65 * pressure);
    layer.beginPath();
    layer.moveTo(fromX * side, fromY * side);
    layer.quadraticCurveTo(overX * side, overY * side, toX * side, toY * side);
    if (fromX === toX && fromY === toY) layer.lineTo(toX * side + 0.01, toY * side); // a curve without length has no caps
    layer.stroke();
  }
}

function rounded(share) {
  return Math.round(share * 2000) / 2000;
}
