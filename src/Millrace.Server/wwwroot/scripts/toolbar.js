// Brush, eraser, colour, size, undo, redo and clear.

const COLOURS = { black: "#222222", white: "#ffffff", red: "#e03131", orange: "#f08c1a", yellow: "#f2c100", green: "#2f9e44", blue: "#1c7ed6", purple: "#9c36b5", brown: "#7a4a21" };
const WIDTH_STEP = 0.01;

export class Toolbar {
  #form;
  #drawing;

  constructor(form, drawing) {
    [this.#form, this.#drawing] = [form, drawing];
    document.getElementById("colours").append(...Object.entries(COLOURS).map(([name, colour]) => swatch("radio", name, colour)), swatch("color", "another colour", "#e03131"));
    form.elements.colour.value = "#e03131";
    for (const name of ["undo", "redo", "clear"]) document.getElementById(name).addEventListener("click", () => this.history(name));
    form.addEventListener("input", ({ target }) => ["pen", "width", "colour", "other"].includes(target.name) && this.#read(target));
    drawing.addEventListener("change", () => this.#show());
    this.#read(form.elements.width);
    this.#show();
  }

  choose(pen) {
    this.#form.elements.pen.value = pen;
    this.#read(this.#form.elements.pen);
  }

  widen(steps) {
    const range = this.#form.elements.width;
    range.valueAsNumber += steps * WIDTH_STEP;
    this.#read(range);
  }

  /** "undo", "redo" or "clear". */
  history(name) {
    this.#drawing.strokes[name]();
    this.#drawing.changed();
  }

  #read(control) {
    const { elements } = this.#form, { brush } = this.#drawing;
    if (control.name === "other") elements.colour.forEach(radio => { radio.checked = false; });
    if (control.name === "colour" || control.name === "other") elements.pen.value = "brush";
    brush.erases = elements.pen.value === "eraser";
    brush.colour = elements.colour.value || elements.other.value;
    brush.width = elements.width.valueAsNumber;
    elements.width.style.setProperty("--fill", `${(brush.width - elements.width.min) / (elements.width.max - elements.width.min) * 100}%`);
  }

  #show() {
    const { strokes } = this.#drawing;
    for (const [name, possible] of Object.entries({ undo: strokes.canUndo, redo: strokes.canRedo, clear: !strokes.empty })) document.getElementById(name).disabled = !possible;
  }
}

function swatch(type, name, colour) {
  const label = document.createElement("label"), input = document.createElement("input");
  Object.assign(input, { type, value: colour, name: type === "radio" ? "colour" : "other", ariaLabel: name, title: name[0].toUpperCase() + name.slice(1) });
  input.style.setProperty("--colour", colour);
  label.append(input);
  return label;
}
