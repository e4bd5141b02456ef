// Drawing with the keyboard: arrows move a pen over the canvas, Enter lowers and lifts it.

const STEP = 0.02, STRIDE = 0.08, PRESSURE = 0.5;
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function drawWithKeys(canvas, drawing, cursor, announce) {
  let x = 0.5, y = 0.5, down = false;

  const place = () => {
    cursor.style.left = `${x * 100}%`;
    cursor.style.top = `${y * 100}%`;
    cursor.classList.toggle("down", down);
  };
  const lift = () => {
    down = false;
    cursor.hidden = true;
    place();
  };

  canvas.addEventListener("keydown", event => {
    const direction = DIRECTIONS[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey || (!direction && event.key !== "Enter")) return;
    event.preventDefault();
    cursor.hidden = false;
    if (direction) {
      const length = event.shiftKey ? STRIDE : STEP;
      x = Math.min(1, Math.max(0, x + direction[0] * length));
      y = Math.min(1, Math.max(0, y + direction[1] * length));
    } else {
      down = !down;
      if (down) drawing.beginStroke();
      announce(`Pen ${down ? "down" : "up"} at ${Math.round(x * 100)} across, ${Math.round(y * 100)} down`);
    }
    if (down) {
      drawing.strokes.extend(x, y, PRESSURE);
      drawing.changed();
    }
    place();
  });
  canvas.addEventListener("blur", lift);
  canvas.addEventListener("pointerdown", lift);
  lift();
}
