/** Gestures on the stage: mouse, touch and wheel events turned into pan, zoom, slide and clicks. */

/** Directions of the arrow keys. @type {Record<string, number[]>} */
export const ARROWS = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
};

const CLICK_TOLERANCE = 5; // CSS pixels that the pointer may move during a click
const WHEEL_SPEED = 0.0015;
const LINE_HEIGHT = 30; // pixels per line, where a wheel scrolls by lines
const DOUBLE_TAP_TIME = 320; // milliseconds

/**
 * @param {HTMLElement} stage
 * @param {object} on coordinates are those of the window, in CSS pixels
 * @param {(dx: number, dy: number) => void} on.onPan
 * @param {(clientX: number) => void} on.onSlide
 * @param {() => boolean} on.canSlide whether a drag slides the divider instead of panning
 * @param {(factor: number, x: number, y: number) => void} on.onZoom
 * @param {(x: number, y: number) => void} on.onClick
 * @param {(x: number, y: number) => void} on.onDoubleClick
 */
export function watchGestures(stage, on) {
  /** @type {Map<number, {x: number, y: number}>} */
  const pointers = new Map();
  let start = { x: 0, y: 0 };
  let hasMoved = false;
  let lastClick = { at: -Infinity, x: 0, y: 0 };

  function measureSpread() {
    const [a, b] = pointers.values();
    return { size: Math.hypot(a.x - b.x, a.y - b.y), x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  }

  /** @param {PointerEvent} event */
  function pinch(event) {
    const before = measureSpread();
    pointers.set(event.pointerId, pointOf(event));
    const after = measureSpread();
    on.onPan(after.x - before.x, after.y - before.y);
    if (before.size > 0) on.onZoom(after.size / before.size, after.x, after.y);
    hasMoved = true;
  }

  /** @param {PointerEvent} event */
  function drag(event) {
    const before = pointers.get(event.pointerId);
    const now = pointOf(event);
    hasMoved ||= Math.hypot(now.x - start.x, now.y - start.y) > CLICK_TOLERANCE;
    if (!before || !hasMoved) return;
    pointers.set(event.pointerId, now);
    if (on.canSlide()) on.onSlide(now.x);
    else on.onPan(now.x - before.x, now.y - before.y);
  }

  /** @param {{x: number, y: number}} point */
  function click({ x, y }) {
    const isDouble = performance.now() - lastClick.at < DOUBLE_TAP_TIME
      && Math.hypot(x - lastClick.x, y - lastClick.y) < 4 * CLICK_TOLERANCE;
    lastClick = { at: isDouble ? -Infinity : performance.now(), x, y };
    if (isDouble) on.onDoubleClick(x, y);
    else on.onClick(x, y);
  }

  stage.addEventListener("pointerdown", (event) => {
    const isControl = event.target instanceof Element && event.target.closest("button, [role=slider]");
    if (event.button > 0 || isControl) return;
    stage.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, pointOf(event));
    if (pointers.size > 1) return;
    start = pointOf(event);
    hasMoved = false;
  });
  stage.addEventListener("pointermove", (event) => {
    if (!pointers.has(event.pointerId)) return;
    if (pointers.size === 2) pinch(event);
    else drag(event);
  });
  stage.addEventListener("pointerup", (event) => {
    if (!pointers.delete(event.pointerId)) return;
    if (!pointers.size && !hasMoved) click(pointOf(event));
  });
  stage.addEventListener("pointercancel", (event) => pointers.delete(event.pointerId));
  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE_HEIGHT : 1;
    on.onZoom(Math.exp(-event.deltaY * pixels * WHEEL_SPEED), event.clientX, event.clientY);
  }, { passive: false });
}

/** @param {MouseEvent} event */
const pointOf = ({ clientX, clientY }) => ({ x: clientX, y: clientY });
