// What the controls of the form say, kept in one object, and how the protocol says it. Tells "change" with the names that changed.

const GRID = 50; // places on the way from noise to picture
export const FROM_NOISE = 1; // the strength of pictures that come from words alone
const RAW_UP_TO = 128 * 128; // pixels; larger pictures travel compressed

export const DEFAULTS = {
  prompt: "", secondPrompt: "", blend: 0, negativePrompt: "",
  strength: 0.68, steps: 2, guidance: "self", guidanceScale: 1.2, delta: 1,
  seed: 2, seedLocked: true, similarity: 1, size: null, model: null,
};

export class Settings extends EventTarget {
  #form;
  #values = { ...DEFAULTS };

  constructor(form) {
    super();
    this.#form = form;
    form.addEventListener("input", ({ target }) => target.name in DEFAULTS && this.#read(target));
    form.addEventListener("submit", event => event.preventDefault());
    this.#show(Object.keys(DEFAULTS));
  }

  get values() {
    return { ...this.#values };
  }

  /** Changes settings, and shows them; what a control does not offer is passed over, or brought into its range. */
  set(changes) {
    const names = Object.keys(DEFAULTS).filter(name => changes[name] !== undefined && changes[name] !== this.#values[name] && this.#offers(name, changes[name]));
    for (const name of names) this.#values[name] = changes[name];
    this.#show(names);
    for (const name of names) if (this.#form.elements[name].type === "range") this.#values[name] = this.#form.elements[name].valueAsNumber;
    this.#tell(names);
  }

  /** As the protocol has them. */
  toWire(mode) {
    const { strength, steps, size, model, seedLocked, ...same } = this.#values;
    const codec = size && size * size > RAW_UP_TO ? "webp" : "raw";
    return { ...same, mode, steps: stepsOf(mode === "textToImage" ? FROM_NOISE : strength, steps), codec, ...(size ? { width: size, height: size } : {}) };
  }

  #offers(name, value) {
    const control = this.#form.elements[name];
    if (control.type === "select-one") return value === DEFAULTS[name] || [...control.options].some(option => option.value === String(value));
    return typeof value === typeof DEFAULTS[name] && (name !== "seed" || Number.isSafeInteger(value));
  }

  #read(control) {
    const { name, type } = control;
    const value = type === "checkbox" ? control.checked : type === "range" || type === "number" || name === "size" ? control.valueAsNumber ?? Number(control.value) : control.value;
    if (Number.isNaN(value) || !control.checkValidity()) return;
    this.#values[name] = value;
    if (name === "model") this.#values.size = null; // each has its own
    this.#tell([name]);
  }

  #show(names) {
    for (const name of names) {
      const control = this.#form.elements[name], value = this.#values[name];
      if (control.type === "checkbox") control.checked = value;
      else control.value = value ?? "";
    }
  }

  #tell(names) {
    if (names.length > 0) this.dispatchEvent(new CustomEvent("change", { detail: names }));
  }
}

/** Places on the grid: the stronger the change, the nearer to noise is the first; the rest at even distances. */
export function stepsOf(strength, count) {
  const first = Math.min(GRID - count, Math.round((1 - strength) * GRID));
  return Array.from({ length: count }, (_, index) => first + Math.floor(index * (GRID - first) / count));
}
