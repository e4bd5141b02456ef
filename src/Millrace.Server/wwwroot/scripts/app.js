// The page: makes its parts and joins them.
import { DrawingCanvas } from "./canvas.js";
import { Controls } from "./controls.js";
import { Files } from "./files.js";
import { Meters } from "./meters.js";
import { PenCursor } from "./pen-cursor.js";
import { drawWithKeys } from "./pen-keys.js";
import { Recorder } from "./recorder.js";
import { SAMPLES } from "./samples.js";
import { Settings } from "./settings.js";
import { listenForShortcuts } from "./shortcuts.js";
import { Sources } from "./sources.js";
import { Status } from "./status.js";
import { Studio } from "./studio.js";
import { Toolbar } from "./toolbar.js";
import { Viewer } from "./viewer.js";

const $ = id => document.getElementById(id);
const form = $("studio"), panes = document.querySelector(".panes");
const announce = text => { $("announcement").textContent = text; };

const drawing = new DrawingCanvas($("drawing"));
const settings = new Settings(form);
const controls = new Controls(form, settings);
const studio = new Studio(drawing, settings);
const status = new Status($("state"), studio);
const toolbar = new Toolbar(form, drawing);
const sources = new Sources();
const viewer = new Viewer($("picture"), $("waiting"));
const meters = new Meters($("meters"));
const recorder = new Recorder();
const files = new Files({ settings, drawing, viewer, recorder, announce: text => status.tell(text) });
drawWithKeys($("drawing"), drawing, new PenCursor($("cursor"), $("drawing"), drawing), announce);

// Pictures
studio.addEventListener("welcome", ({ detail }) => controls.offer(detail));
studio.addEventListener("state", ({ detail }) => detail.state === "refused" && settings.set({ model: null, size: null }));
studio.addEventListener("statistics", ({ detail }) => meters.count(detail, settings.values.steps));
studio.addEventListener("picture", ({ detail: { image, width, height, roundTrip, latency } }) => {
  viewer.show(image, width, height);
  recorder.add(viewer.picture);
  meters.add(roundTrip, latency);
});

const showBusy = () => viewer.expect(studio.busy);
for (const part of [drawing, settings]) part.addEventListener("change", showBusy);
for (const news of ["welcome", "picture"]) studio.addEventListener(news, showBusy);

// Words
settings.addEventListener("change", ({ detail }) => {
  if (detail.includes("prompt")) $("picture").ariaLabel = `The generated picture: ${settings.values.prompt || "no prompt"}`;
});
$("prompt").addEventListener("change", () => settings.values.seedLocked || controls.shuffle());

// Sources
drawing.backdrop = () => sources.backdrop;
sources.addEventListener("fail", ({ detail }) => status.tell(detail));
sources.addEventListener("change", () => {
  if (sources.backdrop && JSON.stringify(drawing.strokes) === sample) drawing.strokes.clear(); // nobody drew it
  form.elements.source.value = sources.kind;
  panes.dataset.source = sources.kind;
  arrange();
  studio.setSource(sources);
  controls.from(sources);
  drawing.changed();
});
$("sources").addEventListener("click", ({ target }) => {
  if (target.value === "file") $("source-file").click(); // again too, for another file
});
$("sources").addEventListener("change", ({ target }) => target.value !== "file" && sources.choose(target.value));
$("source-file").addEventListener("change", ({ target }) => target.files.length && sources.choose("file", target.files[0]));
$("source-file").addEventListener("cancel", () => { form.elements.source.value = sources.kind; });
setInterval(() => sources.moving && drawing.redraw(), 1000 / 30);

// Views
const arrange = () => {
  panes.dataset.view = sources.words ? "result" : form.elements.view.value;
  $("views").disabled = sources.words;
};
const look = view => {
  form.elements.view.value = view;
  arrange();
};
const setOpacity = ({ target }) => {
  panes.style.setProperty("--opacity", target.value);
  target.style.setProperty("--fill", `${target.value * 100}%`);
};
$("views").addEventListener("change", arrange);
form.elements.opacity.addEventListener("input", setOpacity);
setOpacity({ target: form.elements.opacity });

// Files
const load = async file => await files.load(file) || (file.type.match(/^(image|video)\//) ? await sources.choose("file", file) : status.tell(`${file.name} holds no settings, picture or clip`));
const record = () => files.record(form.elements.form.value);
$("save").addEventListener("click", () => files.save());
$("record").addEventListener("click", record);
$("open").addEventListener("click", () => $("picture-file").click());
$("picture-file").addEventListener("change", ({ target }) => target.files.length && load(target.files[0]));
addEventListener("dragover", event => event.preventDefault());
addEventListener("drop", event => {
  event.preventDefault();
  if (event.dataTransfer.files.length) load(event.dataTransfer.files[0]);
});
recorder.addEventListener("change", () => {
  $("record").ariaPressed = String(recorder.running);
  $("record").querySelector("use").setAttribute("href", `icons.svg#${recorder.running ? "stop" : "record"}`);
  $("record").querySelector("span").textContent = recorder.running ? `Stop ${recorder.count}` : "Record";
  form.elements.form.disabled = recorder.running;
});

// Theme and help
const root = document.documentElement;
const turn = () => {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  localStorage.setItem("theme", root.dataset.theme = dark ? "light" : "dark");
};
$("theme").addEventListener("click", turn);
$("help").addEventListener("click", () => $("help-dialog").showModal());
listenForShortcuts({
  b: { text: "Brush", run: () => toolbar.choose("brush") },
  e: { text: "Eraser", run: () => toolbar.choose("eraser") },
  "[": { text: "Smaller brush", run: () => toolbar.widen(-1) },
  "]": { text: "Larger brush", run: () => toolbar.widen(1) },
  "mod+z": { text: "Undo", run: () => toolbar.history("undo") },
  "mod+shift+z": { text: "Redo", run: () => toolbar.history("redo") },
  x: { text: "Clear", run: () => toolbar.history("clear") },
  p: { text: "To the prompt", run: () => $("prompt").select() },
  n: { text: "Shuffle the seed", run: () => controls.shuffle() },
  l: { text: "Lock the seed", run: () => settings.set({ seedLocked: !settings.values.seedLocked }) },
  1: { text: "Side by side", run: () => look("side") },
  2: { text: "Overlay", run: () => look("overlay") },
  3: { text: "Result only", run: () => look("result") },
  s: { text: "Save the picture", run: () => files.save() },
  o: { text: "Load settings", run: () => $("picture-file").click() },
  r: { text: "Record", run: record },
  d: { text: "Light or dark", run: turn },
  "?": { text: "Help", run: () => $("help-dialog").showModal() },
}, $("shortcuts"), $("single-keys"));

// Something to begin with
let sample = "";
const begin = ({ strokes, prompt, secondPrompt }) => {
  drawing.strokes.load(strokes());
  sample = JSON.stringify(drawing.strokes);
  settings.set({ prompt, secondPrompt, blend: 0 });
  drawing.changed();
};
$("samples").append(...SAMPLES.map(sample => {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: sample.name });
  button.addEventListener("click", () => begin(sample));
  return button;
}));
begin(SAMPLES[0]);
studio.connection.connect();
