/** The free choice of a color: a plane of all that sRGB can show at one lightness. */

import { gamutBounds, labToHex, isInGamut, hexToLab } from "../color/colorspace.js";

const STEPS = 40; // of the arrow keys from the middle to the edge

/**
 * @param {HTMLCanvasElement} plane
 * @param {HTMLInputElement} field for the color in hexadecimal
 * @param {(hex: string, isSettled: boolean) => void} chosen
 * @param {(problem: import("../page/texts.js").Problem) => void} showError
 */
export function createPicker(plane, field, chosen, showError) {
  const context = plane.getContext("2d");
  let light = 50;
  let bounds = { a: 0, b: 0, reach: 100 };
  let at = { a: 0, b: 0 };

  const toPixel = ({ a, b }) => [
    ((a - bounds.a) / bounds.reach + 1) * (plane.width / 2),
    (1 - (b - bounds.b) / bounds.reach) * (plane.height / 2),
  ];

  /** The color at a place of the plane, in shares of its sides. */
  const toColor = (x, y) => [
    bounds.a + (2 * x - 1) * bounds.reach,
    bounds.b + (1 - 2 * y) * bounds.reach,
  ];

  function drawPlane() {
    const pixels = context.createImageData(plane.width, plane.height);
    for (let y = 0, to = 0; y < plane.height; y++) {
      for (let x = 0; x < plane.width; x++, to += 4) {
        const [a, b] = toColor((x + 0.5) / plane.width, (y + 0.5) / plane.height);
        if (isInGamut(light, a, b)) pixels.data.set(rgbaOf(labToHex(light, a, b)), to);
      }
    }
    context.putImageData(pixels, 0, 0);
    return pixels;
  }

  let background = drawPlane();

  function drawPoint() {
    context.putImageData(background, 0, 0);
    const [x, y] = toPixel(at);
    for (const [color, width] of [["#000", 4], ["#fff", 2]]) {
      context.beginPath();
      context.arc(x, y, 6, 0, 2 * Math.PI);
      context.strokeStyle = color;
      context.lineWidth = width;
      context.stroke();
    }
  }

  /** Go to a color, or to the nearest towards gray that can be shown. */
  function choose(a, b, isSettled) {
    const hex = labToHex(light, a, b);
    const [, shownA, shownB] = hexToLab(hex);
    at = isInGamut(light, a, b) ? { a, b } : { a: shownA, b: shownB };
    field.value = hex;
    drawPoint();
    chosen(hex, isSettled);
  }

  function chooseAt(event, isSettled) {
    const box = plane.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width;
    const y = (event.clientY - box.top) / box.height;
    choose(...toColor(x, y), isSettled);
  }

  plane.addEventListener("pointerdown", (event) => {
    plane.setPointerCapture(event.pointerId);
    chooseAt(event, false);
  });
  plane.addEventListener("pointermove", (event) => {
    if (plane.hasPointerCapture(event.pointerId)) chooseAt(event, false);
  });
  plane.addEventListener("pointerup", (event) => {
    if (plane.hasPointerCapture(event.pointerId)) chooseAt(event, true);
  });
  plane.addEventListener("pointercancel", () => chosen(field.value, true));
  plane.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (!(event.key in way)) return;
    event.preventDefault();
    const [da, db] = way[event.key].map((step) => (step * bounds.reach) / STEPS);
    choose(at.a + da, at.b + db, true);
  });
  field.addEventListener("change", () => {
    const digits = field.value.trim().replace(/^#/, "").toLowerCase();
    const hex = `#${digits.length === 3 ? digits.replace(/./g, "$&$&") : digits}`;
    const isFine = /^#[0-9a-f]{6}$/.test(hex);
    field.setAttribute("aria-invalid", String(!isFine));
    if (!isFine) return showError({ key: "problem.color" });
    const [, a, b] = hexToLab(hex);
    return choose(a, b, true);
  });

  /** Show a color as the one that is chosen. */
  function mark(hex) {
    const [, a, b] = hex ? hexToLab(hex) : [0, 0, 0];
    at = { a, b };
    field.value = hex ?? "";
    field.setAttribute("aria-invalid", "false");
    drawPoint();
  }

  return {
    mark,
    /** Show what can be chosen at a lightness, and a color that is chosen already. */
    show(lightness, hex) {
      light = Math.min(Math.max(lightness, 2), 98);
      bounds = gamutBounds(light);
      bounds.reach *= 1.05;
      background = drawPlane();
      mark(hex);
    },
  };
}

const rgbaOf = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)).concat(255);
