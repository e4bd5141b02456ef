// Drawings to begin with, so that the first second shows a picture.

/** A stroke through `points`, all pressed alike. */
const stroke = (colour, width, ...points) => ({ colour, width, points: points.map(([x, y]) => [x, y, 1]) });

/** A filled ellipse: rings of one stroke, from outside in. */
const blob = (colour, x, y, rx, ry) => {
  const points = [];
  for (let turn = 0, share = 1; share > 0; turn += 0.25, share -= 0.008) points.push([x + rx * share * Math.cos(turn), y + ry * share * Math.sin(turn)]);
  return stroke(colour, 0.08, ...points.map(point => point.map(value => Math.round(value * 1000) / 1000)));
};

export const SAMPLES = [
  {
    name: "an apple", prompt: "red apple", secondPrompt: "pumpkin",
    strokes: () => [blob("#d42a2a", 0.5, 0.57, 0.27, 0.27), stroke("#6b4423", 0.05, [0.5, 0.3], [0.51, 0.22], [0.56, 0.13]), stroke("#2f9e44", 0.09, [0.58, 0.21], [0.66, 0.16], [0.74, 0.17]), stroke("#f08080", 0.06, [0.34, 0.47], [0.38, 0.4])],
  },
  {
    name: "a cat", prompt: "cat face", secondPrompt: "tiger face",
    strokes: () => [blob("#f2b01e", 0.5, 0.55, 0.31, 0.27), stroke("#f2b01e", 0.13, [0.24, 0.4], [0.22, 0.2], [0.36, 0.28]), stroke("#f2b01e", 0.13, [0.76, 0.4], [0.78, 0.2], [0.64, 0.28]), stroke("#33302b", 0.07, [0.37, 0.5], [0.37, 0.52]), stroke("#33302b", 0.07, [0.63, 0.5], [0.63, 0.52]), stroke("#b8662b", 0.05, [0.5, 0.62], [0.5, 0.64])],
  },
  {
    name: "a sunflower", prompt: "sunflower", secondPrompt: "blossom",
    strokes: () => [stroke("#2f8a3c", 0.08, [0.5, 0.6], [0.5, 0.93]), stroke("#2f8a3c", 0.09, [0.5, 0.84], [0.62, 0.76]), blob("#f5bd16", 0.5, 0.4, 0.3, 0.3), blob("#6b4423", 0.5, 0.4, 0.1, 0.1)],
  },
  {
    name: "a fish", prompt: "tropical fish", secondPrompt: "bird",
    strokes: () => [blob("#1c9bd6", 0.45, 0.5, 0.27, 0.2), stroke("#f2a31e", 0.14, [0.74, 0.5], [0.88, 0.36]), stroke("#f2a31e", 0.14, [0.74, 0.5], [0.88, 0.64]), stroke("#f2e21e", 0.08, [0.5, 0.36], [0.5, 0.64]), stroke("#222222", 0.05, [0.3, 0.45], [0.3, 0.46])],
  },
];
