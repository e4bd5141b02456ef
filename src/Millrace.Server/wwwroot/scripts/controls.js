// What the settings' controls show beside their values: read-outs, filled tracks, hints, and choices that the server gives.
import { stepsOf } from "./settings.js";

const SIZES = [1, 1.5, 2, 3, 4, 6, 8]; // times the model's own

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

  /** Offers what the server has: models, and sizes that the model takes. */
  offer({ model, models, settings, limits }) {
    const { elements } = this.#form, wanted = this.#settings.values.size ?? settings.width;
    fill(elements.model, models.map(name => [name, name]), model);
    elements.steps.max = Math.min(elements.steps.dataset.most, limits.steps);
    for (const name of ["prompt", "secondPrompt", "negativePrompt"]) elements[name].maxLength = limits.promptLength;
    const usual = this.#usual?.model === model ? this.#usual.side : settings.width;
    this.#usual = { model, side: usual };
    const sides = SIZES.map(times => usual * times).filter(side => side % limits.sizeMultiple === 0 && side * side <= limits.streamPixels);
    fill(elements.size, [...new Set([...sides, wanted])].map(side => [side, `${side} × ${side}${side === usual ? ", the model’s own" : ""}`]), wanted);
  }

  show() {
    const { elements } = this.#form, values = this.#settings.values;
    for (const [name, read] of Object.entries(READ)) {
      const range = elements[name], text = read(values[name]);
      range.style.setProperty("--fill", `${(range.value - range.min) / (range.max - range.min) * 100}%`);
      range.setAttribute("aria-valuetext", text);
      for (const output of document.querySelectorAll(`output[for="${range.id}"]`)) output.value = text;
    }
    document.getElementById("step-places").textContent = `At ${stepsOf(values.strength, values.steps).join(", ")} of 50`;
    document.getElementById("guidance-hint").textContent = GUIDANCE[values.guidance];
    elements.guidanceScale.disabled = values.guidance === "none";
    elements.delta.disabled = !["self", "initialize"].includes(values.guidance);
    elements.negativePrompt.disabled = !["full", "initialize"].includes(values.guidance);
    elements.blend.disabled = values.secondPrompt.trim() === "";
  }

  #usual = null;
}

function fill(select, choices, chosen) {
  select.replaceChildren(...choices.map(([value, text]) => new Option(text, value, false, value === chosen)));
  select.disabled = choices.length < 2;
}
