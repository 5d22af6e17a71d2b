/** Mouse, touch and wheel on the stage, told as what they mean. */

/** Which way the keys of arrows point. */
export const ARROWS = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
};

const CLICK = 5; // CSS pixels that a hand may tremble
const WHEEL = 0.0015;
const DOUBLE_TAP_TIME = 320; // milliseconds between the taps of a double one

/**
 * @param {HTMLElement} stage
 * @param {object} to
 * @param {(dx: number, dy: number) => void} to.pan
 * @param {(clientX: number) => void} to.slide instead of `pan` where that has nowhere to go
 * @param {() => boolean} to.slides whether a drag slides
 * @param {(factor: number, x: number, y: number) => void} to.zoom
 * @param {(x: number, y: number) => void} to.click
 * @param {(x: number, y: number) => void} to.doubleClick
 */
export function watchGestures(stage, to) {
  /** @type {Map<number, {x: number, y: number}>} */
  const fingers = new Map();
  let began = null;
  let hasMoved = false;
  let lastClick = { at: -Infinity, x: 0, y: 0 };

  const spread = () => {
    const [a, b] = fingers.values();
    return { size: Math.hypot(a.x - b.x, a.y - b.y), x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  };

  function pinch(event) {
    const before = spread();
    fingers.set(event.pointerId, pointOf(event));
    const after = spread();
    to.pan(after.x - before.x, after.y - before.y);
    if (before.size > 0) to.zoom(after.size / before.size, after.x, after.y);
    hasMoved = true;
  }

  function drag(event) {
    const before = fingers.get(event.pointerId);
    const now = pointOf(event);
    hasMoved ||= Math.hypot(now.x - began.x, now.y - began.y) > CLICK;
    if (!hasMoved) return;
    fingers.set(event.pointerId, now);
    if (to.slides()) to.slide(now.x);
    else to.pan(now.x - before.x, now.y - before.y);
  }

  function click({ x, y }) {
    const isDouble = performance.now() - lastClick.at < DOUBLE_TAP_TIME
      && Math.hypot(x - lastClick.x, y - lastClick.y) < 4 * CLICK;
    lastClick = { at: isDouble ? -Infinity : performance.now(), x, y };
    if (isDouble) to.doubleClick(x, y);
    else to.click(x, y);
  }

  stage.addEventListener("pointerdown", (event) => {
    if (event.button > 0 || event.target.closest("button, [role=slider]")) return;
    stage.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, pointOf(event));
    if (fingers.size > 1) return;
    began = pointOf(event);
    hasMoved = false;
  });
  stage.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    if (fingers.size === 2) pinch(event);
    else drag(event);
  });
  stage.addEventListener("pointerup", (event) => {
    if (!fingers.delete(event.pointerId)) return;
    if (!fingers.size && !hasMoved) click(pointOf(event));
  });
  stage.addEventListener("pointercancel", (event) => fingers.delete(event.pointerId));
  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1;
    to.zoom(Math.exp(-event.deltaY * lines * WHEEL), event.clientX, event.clientY);
  }, { passive: false });
}

const pointOf = ({ clientX, clientY }) => ({ x: clientX, y: clientY });
