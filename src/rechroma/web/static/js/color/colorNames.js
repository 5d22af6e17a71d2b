/** Rough names of colors, for screen readers. */

import { hexToLab } from "./colorspace.js";
import { t } from "../page/texts.js";

const GRAY = 8; // chroma below which a color is called gray
const [DARK, LIGHT] = [40, 75]; // L*
const [BLACK, WHITE] = [15, 95];
/** @type {[number, string][]} */
const HUES = [ // upper ends of the ranges of hue angles, in degrees
  [15, "pink"], [50, "red"], [75, "orange"], [105, "yellow"], [165, "green"],
  [230, "turquoise"], [295, "blue"], [330, "purple"], [360, "pink"],
];

/** Name a color, such as "dark red #5a1a12". @param {string} hex "#rrggbb" */
export function describeColor(hex) {
  const [light, a, b] = hexToLab(hex);
  return `${Math.hypot(a, b) < GRAY ? describeGray(light) : describeHue(light, a, b)} ${hex}`;
}

/** @param {number} light */
function describeGray(light) {
  if (light < BLACK) return t("color.black");
  return light > WHITE ? t("color.white") : addShade(light, t("color.gray"));
}

/** @param {number} light @param {number} a @param {number} b */
function describeHue(light, a, b) {
  const angle = ((Math.atan2(b, a) * 180) / Math.PI + 360) % 360;
  const name = HUES.find(([end]) => angle <= end)?.[1] ?? "pink";
  const isBrown = light < 55 && (name === "orange" || name === "yellow");
  return addShade(light, t(isBrown ? "color.brown" : `color.${name}`));
}

/** @param {number} light @param {string} color */
function addShade(light, color) {
  if (light < DARK) return t("color.dark", { color });
  return light > LIGHT ? t("color.light", { color }) : color;
}
