// Drawing with the keyboard: arrows move a pen over the canvas, Enter lowers and lifts it.

const STEP = 0.02, STRIDE = 0.08, PRESSURE = 0.5;
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function drawWithKeys(canvas, drawing, cursor, announce) {
  let x = 0.5, y = 0.5, down = false;

  const lower = lowered => {
    if (down === lowered) return;
    down = lowered;
    if (down) drawing.beginStroke();
    else drawing.endStroke();
  };
  const leave = () => {
    lower(false);
    cursor.hide();
  };

  canvas.addEventListener("keydown", event => {
    const direction = DIRECTIONS[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey || (!direction && event.key !== "Enter")) return;
    event.preventDefault();
    if (direction) {
      const length = event.shiftKey ? STRIDE : STEP;
      x = Math.min(1, Math.max(0, x + direction[0] * length));
      y = Math.min(1, Math.max(0, y + direction[1] * length));
    } else {
      lower(!down);
      announce(`Pen ${down ? "down" : "up"} at ${Math.round(x * 100)} across, ${Math.round(y * 100)} down`);
    }
    if (down) {
      drawing.strokes.extend(x, y, PRESSURE);
      drawing.changed();
    }
    cursor.show(x, y, drawing.brush.width, down);
  });
  for (const end of ["blur", "pointerdown"]) canvas.addEventListener(end, leave);
}
