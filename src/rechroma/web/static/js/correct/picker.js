/** The color picker: a plane of a* and b* with all colors in the sRGB gamut at one lightness. */

import { gamutBounds, hexToLab, isInGamut, labToHex } from "../color/colorspace.js";
import { contextOf } from "../page/dom.js";
import { t } from "../page/texts.js";

const STEPS = 40; // of the arrow keys from the center to the edge
const MARGIN = 1.05; // of the plane around the gamut
const VISIBLE = 3; // difference of L* that is visible

/**
 * @param {HTMLCanvasElement} plane
 * @param {HTMLInputElement} field for the color in hexadecimal
 * @param {HTMLElement} note on a color that the lightness does not allow
 * @param {(hex: string, isFinal: boolean) => void} onChange
 * @param {(problem: import("../page/texts.js").Problem) => void} showError
 */
export function createPicker(plane, field, note, onChange, showError) {
  const context = contextOf(plane);
  let light = 50;
  let bounds = { a: 0, b: 0, reach: 100 };
  let selected = { a: 0, b: 0 };

  /** @param {{a: number, b: number}} color */
  const toPixel = ({ a, b }) => [
    ((a - bounds.a) / bounds.reach + 1) * (plane.width / 2),
    (1 - (b - bounds.b) / bounds.reach) * (plane.height / 2),
  ];

  /**
   * Get the color at a point of the plane, given in fractions of its sides.
   * @param {number} x
   * @param {number} y
   * @returns {[number, number]}
   */
  const toColor = (x, y) => [
    bounds.a + (2 * x - 1) * bounds.reach,
    bounds.b + (1 - 2 * y) * bounds.reach,
  ];

  function drawPlane() {
    const pixels = context.createImageData(plane.width, plane.height);
    for (let y = 0, to = 0; y < plane.height; y++) {
      for (let x = 0; x < plane.width; x++, to += 4) {
        const [a, b] = toColor((x + 0.5) / plane.width, (y + 0.5) / plane.height);
        if (isInGamut(light, a, b)) pixels.data.set(hexToRgba(labToHex(light, a, b)), to);
      }
    }
    context.putImageData(pixels, 0, 0);
    return pixels;
  }

  let background = drawPlane();

  function drawSelected() {
    context.putImageData(background, 0, 0);
    const [x, y] = toPixel(selected);
    drawCircle(x, y, "#000", 4);
    drawCircle(x, y, "#fff", 2);
  }

  /** @param {number} x @param {number} y @param {string} color @param {number} width */
  function drawCircle(x, y, color, width) {
    context.beginPath();
    context.arc(x, y, 6, 0, 2 * Math.PI);
    context.strokeStyle = color;
    context.lineWidth = width;
    context.stroke();
  }

  /**
   * Choose a color, with less chroma if it is out of gamut.
   * @param {number} a
   * @param {number} b
   * @param {boolean} isFinal
   */
  function choose(a, b, isFinal) {
    const hex = labToHex(light, a, b);
    const [, mappedA, mappedB] = hexToLab(hex);
    selected = isInGamut(light, a, b) ? { a, b } : { a: mappedA, b: mappedB };
    field.value = hex;
    note.textContent = "";
    drawSelected();
    onChange(hex, isFinal);
  }

  /** @param {PointerEvent} event @param {boolean} isFinal */
  function chooseAt(event, isFinal) {
    const box = plane.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width;
    const y = (event.clientY - box.top) / box.height;
    choose(...toColor(x, y), isFinal);
  }

  /** @param {string} [hex] */
  function select(hex) {
    const [, a, b] = hex ? hexToLab(hex) : [0, 0, 0];
    selected = { a, b };
    field.value = hex ?? "";
    field.setAttribute("aria-invalid", "false");
    note.textContent = "";
    drawSelected();
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
  plane.addEventListener("pointercancel", () => onChange(field.value, true));
  plane.addEventListener("keydown", (event) => {
    /** @type {Record<string, number[]>} */
    const directions = {
      ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1],
    };
    if (!(event.key in directions)) return;
    event.preventDefault();
    const [da, db] = directions[event.key].map((step) => (step * bounds.reach) / STEPS);
    choose(selected.a + da, selected.b + db, true);
  });
  field.addEventListener("change", () => {
    const digits = field.value.trim().replace(/^#/, "").toLowerCase();
    const hex = `#${digits.length === 3 ? digits.replace(/./g, "$&$&") : digits}`;
    const isValid = /^#[0-9a-f]{6}$/.test(hex);
    field.setAttribute("aria-invalid", String(!isValid));
    if (!isValid) return showError({ key: "problem.color" });
    const [wanted, a, b] = hexToLab(hex);
    choose(a, b, true);
    note.textContent = describeLimit(hex, wanted, isInGamut(light, a, b));
    note.scrollIntoView({ block: "nearest" });
    return undefined;
  });

  /**
   * Explain why a color was changed to that of the field; "" if it looks the same.
   * @param {string} hex the wanted color
   * @param {number} wanted its L*
   * @param {boolean} isPossible whether only its lightness was changed
   */
  function describeLimit(hex, wanted, isPossible) {
    if (Math.abs(wanted - light) < VISIBLE) return "";
    const values = { wanted: hex, color: field.value };
    if (isPossible) return t("color.lightness", values);
    return t(wanted > light ? "color.too-dark" : "color.too-light", values);
  }

  return {
    /** Select a color without a call of `onChange`. @param {string} [hex] */
    select,
    /** Show the colors of a lightness. @param {number} lightness @param {string} [hex] the selected one */
    show(lightness, hex) {
      light = Math.min(Math.max(lightness, 2), 98);
      bounds = gamutBounds(light);
      bounds.reach *= MARGIN;
      background = drawPlane();
      select(hex);
    },
  };
}

/** @param {string} hex */
const hexToRgba = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)).concat(255);
