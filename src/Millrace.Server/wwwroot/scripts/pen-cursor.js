// A ring as wide as the brush, where the pen is.

export class PenCursor {
  #element;

  constructor(element, canvas, drawing) {
    this.#element = element;
    canvas.addEventListener("pointermove", event => {
      if (event.pointerType === "touch") return this.hide();
      const { left, top, width, height } = canvas.getBoundingClientRect();
      this.show((event.clientX - left) / width, (event.clientY - top) / height, drawing.brush.width, false);
    });
    canvas.addEventListener("pointerleave", () => this.hide());
  }

  /** Position and width are shares of the canvas. */
  show(x, y, width, down) {
    this.#element.hidden = false;
    this.#element.classList.toggle("down", down);
    for (const [property, share] of Object.entries({ "--x": x, "--y": y, "--width": width })) this.#element.style.setProperty(property, `${share * 100}%`);
  }

  hide() {
    this.#element.hidden = true;
  }
}
