// Pictures a second, time from stroke to picture, dropped frames, steps where the server leaves some out, and a chart of the last pictures.

const KEPT = 90, WINDOW = 1000, REFRESH = 250, CEILING = 100; // ceiling: the least height of the chart, in milliseconds

export class Meters {
  #element;
  #chart;
  #samples = []; // { at, total, server }, milliseconds
  #dropped = 0;
  #fewer = ""; // "1 of 2" steps; empty where all are done
  #dirty = true;

  constructor(element) {
    this.#element = element;
    this.#chart = element.querySelector("canvas").getContext("2d");
    setInterval(() => this.#show(), REFRESH);
  }

  add(total, server) {
    this.#samples.push({ at: performance.now(), total, server: Math.min(server, total) });
    if (this.#samples.length > KEPT) this.#samples.shift();
    this.#dirty = true;
  }

  /** Takes the server's figures; `asked` is the steps that the settings say. */
  count({ framesDropped, steps }, asked) {
    this.#dropped = framesDropped;
    this.#fewer = steps < asked ? `${steps} of ${asked}` : "";
    this.#dirty = true;
  }

  #show() {
    const recent = this.#samples.filter(({ at }) => at > performance.now() - WINDOW);
    if (!this.#dirty && recent.length === 0) return;
    this.#dirty = recent.length > 0; // once more, to come to rest at zero
    const half = recent.length > 0 ? percentile(recent, 0.5) : this.#samples.at(-1)?.total;
    this.#write("fps", recent.length < 2 ? "0" : String(Math.round((recent.length - 1) * 1000 / Math.max(1, recent.at(-1).at - recent[0].at))));
    this.#write("latency", half === undefined ? "–" : String(Math.round(half)));
    this.#write("dropped", String(this.#dropped));
    this.#write("steps", this.#fewer);
    this.#element.querySelector(".fewer").hidden = this.#fewer === "";
    this.#draw();
  }

  #write(name, text) {
    this.#element.querySelector(`[data-meter=${name}]`).textContent = text;
  }

  /** Bars: the whole height is the time from stroke to picture, the strong part the server's share. */
  #draw() {
    const { canvas } = this.#chart, density = devicePixelRatio;
    const width = canvas.width = Math.round(canvas.clientWidth * density), height = canvas.height = Math.round(canvas.clientHeight * density);
    const top = Math.max(CEILING, percentile(this.#samples, 0.95)), pitch = width / KEPT;
    this.#chart.fillStyle = getComputedStyle(canvas).color;
    this.#samples.forEach(({ total, server }, index) => {
      const x = index * pitch;
      for (const [time, alpha] of [[total, 0.3], [server, 0.7]]) {
        this.#chart.globalAlpha = alpha;
        this.#chart.fillRect(x, height - time / top * height, Math.max(1, pitch - density), time / top * height);
      }
    });
    this.#chart.globalAlpha = 1;
  }
}

function percentile(samples, share) {
  return samples.map(({ total }) => total).sort((a, b) => a - b)[Math.floor(samples.length * share)] ?? 0;
}
