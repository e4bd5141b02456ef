// What the settings' controls show beside their values: read-outs, filled tracks, hints, and choices that the server gives.
import { FROM_NOISE, stepsOf } from "./settings.js";

const SIZES = [1, 1.5, 2, 3, 4, 6, 8]; // times the model's own

const STEPS_FROM_NOISE = 4; // fewer leave a picture from noise unfinished

const READ = {
  strength: value => `${Math.round(value * 100)} %`,
  steps: String,
  guidanceScale: value => value.toFixed(1),
  delta: value => value.toFixed(2),
  similarity: value => value === 1 ? "off" : `above ${(value * 100).toFixed(1)} %`,
  blend: value => `${Math.round(value * 100)} %`,
};

const GUIDANCE = {
  none: "The prompt alone; fastest.",
  full: "Away from the negative prompt; twice the work.",
  self: "Away from what the drawing itself says; nearly free.",
  initialize: "Away from the negative prompt, asked once a picture.",
};

export class Controls {
  #form;
  #settings;
  #words = false;
  #own = null; // the model of the last stream that asked for no size, and its side

  constructor(form, settings) {
    [this.#form, this.#settings] = [form, settings];
    settings.addEventListener("change", () => this.show());
    form.elements.shuffle.addEventListener("click", () => this.shuffle());
    this.show();
  }

  /** Another seed. */
  shuffle() {
    this.#settings.set({ seed: crypto.getRandomValues(new Uint32Array(1))[0] % 1_000_000 });
  }

  /** Fits the controls to a source: from words alone nothing is kept, and there is no strength. */
  from({ words }) {
    this.#words = words;
    if (words) this.#settings.set({ steps: Math.max(STEPS_FROM_NOISE, this.#settings.values.steps) });
    this.show();
  }

  /** Offers what the server has: models, and sizes that the model takes. */
  offer({ model, models, settings, limits }) {
    const { elements } = this.#form, wanted = this.#settings.values.size ?? settings.width;
    fill(elements.model, models.map(name => [name, name]), model);
    elements.steps.max = Math.min(elements.steps.dataset.most, limits.steps);
    for (const name of ["prompt", "secondPrompt", "negativePrompt"]) elements[name].maxLength = limits.promptLength;
    if (this.#settings.values.size === null) this.#own = { model, side: settings.width };
    const own = this.#own?.model === model ? this.#own.side : settings.width;
    const sides = SIZES.map(times => own * times).filter(side => side % limits.sizeMultiple === 0 && side * side <= limits.streamPixels);
    fill(elements.size, [...new Set([...sides, wanted])].map(side => [side, `${side} × ${side}${side === own ? " · native" : ""}`]), wanted);
  }

  show() {
    const { elements } = this.#form, values = this.#settings.values;
    for (const [name, read] of Object.entries(READ)) {
      const range = elements[name], text = read(values[name]);
      range.style.setProperty("--fill", `${(range.value - range.min) / (range.max - range.min) * 100}%`);
      range.setAttribute("aria-valuetext", text);
      for (const output of document.querySelectorAll(`output[for="${range.id}"]`)) output.value = text;
    }
    document.getElementById("step-places").textContent = `At ${stepsOf(this.#words ? FROM_NOISE : values.strength, values.steps).join(", ")} of 50`;
    document.getElementById("guidance-hint").textContent = GUIDANCE[values.guidance];
    elements.strength.disabled = this.#words;
    elements.guidanceScale.disabled = values.guidance === "none";
    elements.delta.disabled = !["self", "initialize"].includes(values.guidance);
    elements.negativePrompt.disabled = !["full", "initialize"].includes(values.guidance);
    elements.blend.disabled = values.secondPrompt.trim() === "";
  }
}

function fill(select, choices, chosen) {
  select.replaceChildren(...choices.map(([value, text]) => new Option(text, value, false, value === chosen)));
  select.disabled = choices.length < 2;
}
