// Saving a picture with all that made it, loading it back, and saving what was recorded.
import { readFacts, writePicture } from "./picture-file.js";

const VERSION = 1;

export class Files {
  #studio;

  /** `studio` is `{ settings, drawing, viewer, recorder, announce }`. */
  constructor(studio) {
    this.#studio = studio;
  }

  async save() {
    const { settings, drawing, viewer } = this.#studio, { values } = settings;
    if (!viewer.filled) return this.#studio.announce("There is no picture yet");
    keep(await writePicture(viewer.picture, { millrace: VERSION, settings: values, strokes: drawing.strokes }), `${nameOf(values.prompt)}-${values.seed}.png`);
  }

  /** Takes settings and strokes from a file; false where it holds none. */
  async load(file) {
    const { settings, drawing, announce } = this.#studio, facts = await readFacts(file);
    if (!facts) return false;
    if (Array.isArray(facts.strokes) && facts.strokes.every(drawable)) drawing.strokes.load(facts.strokes);
    settings.set(facts.settings ?? {});
    drawing.changed();
    announce(`Settings of ${file.name} are in force`);
    return true;
  }

  /** Begins to record, or ends and saves. */
  async record(form) {
    const { recorder, settings, announce } = this.#studio;
    if (!recorder.running) return recorder.start(form);
    const recorded = await recorder.stop();
    if (recorded) keep(recorded.blob, `${nameOf(settings.values.prompt)}.${recorded.extension}`);
    else announce("No picture came while recording");
  }
}

function keep(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function nameOf(prompt) {
  return prompt.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").slice(0, 40) || "picture";
}

function drawable({ colour, width, points }) {
  return (colour === null || /^#[0-9a-f]{6}$/i.test(colour)) && Number.isFinite(width) && Array.isArray(points) && points.every(point => point.length === 3 && point.every(Number.isFinite));
}
