// Drawings to begin with, so that the first second shows a picture.

/** A stroke through `points`, all pressed alike. */
const stroke = (colour, width, ...points) => ({ colour, width, points: points.map(([x, y]) => [x, y, 1]) });

/** A filled ellipse: rings of one stroke, from outside in. */
const blob = (colour, x, y, rx, ry) => {
  const rings = [1, 0.75, 0.5, 0.25, 0], turns = Array.from({ length: 72 }, (_, index) => index / 71 * 2 * Math.PI);
  return stroke(colour, 0.09, ...rings.flatMap(share => turns.map(turn => [x + rx * share * Math.cos(turn), y + ry * share * Math.sin(turn)])));
};

export const SAMPLES = [
  {
    name: "palm tree", prompt: "palm tree", secondPrompt: "cactus",
    strokes: () => [stroke("#8a5a2b", 0.08, [0.52, 0.9], [0.5, 0.4]), ...[[0.2, 0.45], [0.25, 0.22], [0.75, 0.22], [0.8, 0.45]].map(tip => stroke("#3f9b3f", 0.12, [0.5, 0.35], tip))],
  },
  {
    name: "cat", prompt: "cat face", secondPrompt: "tiger face",
    strokes: () => [
      blob("#f2b01e", 0.5, 0.57, 0.31, 0.26), stroke("#f2b01e", 0.13, [0.24, 0.45], [0.22, 0.22], [0.4, 0.32]), stroke("#f2b01e", 0.13, [0.76, 0.45], [0.78, 0.22], [0.6, 0.32]),
      stroke("#33302b", 0.07, [0.37, 0.52], [0.37, 0.54]), stroke("#33302b", 0.07, [0.63, 0.52], [0.63, 0.54]), stroke("#b8662b", 0.05, [0.5, 0.63], [0.5, 0.65]),
    ],
  },
  {
    name: "ghost", prompt: "ghost", secondPrompt: "alien",
    strokes: () => [
      blob("#c9d3da", 0.5, 0.42, 0.24, 0.24), stroke("#c9d3da", 0.4, [0.5, 0.5], [0.5, 0.72]),
      stroke("#333333", 0.08, [0.4, 0.4], [0.4, 0.44]), stroke("#333333", 0.08, [0.6, 0.4], [0.6, 0.44]), stroke("#333333", 0.08, [0.48, 0.6], [0.52, 0.6]),
    ],
  },
  {
    name: "whale", prompt: "spouting whale", secondPrompt: "dolphin",
    strokes: () => [
      blob("#2e9ad6", 0.45, 0.6, 0.3, 0.22), stroke("#2e9ad6", 0.12, [0.72, 0.6], [0.82, 0.42], [0.92, 0.36]), stroke("#2e9ad6", 0.1, [0.82, 0.42], [0.72, 0.33]),
      stroke("#d6eefa", 0.12, [0.25, 0.75], [0.6, 0.78]), stroke("#222222", 0.04, [0.3, 0.55], [0.3, 0.57]),
    ],
  },
  {
    name: "sunflower", prompt: "sunflower", secondPrompt: "blossom",
    strokes: () => [stroke("#2f8a3c", 0.08, [0.5, 0.6], [0.5, 0.93]), stroke("#2f8a3c", 0.09, [0.5, 0.84], [0.62, 0.76]), blob("#f5bd16", 0.5, 0.4, 0.3, 0.3), blob("#6b4423", 0.5, 0.4, 0.1, 0.1)],
  },
];
