/** What colors are called, roughly, for those who hear them. */

import { labOf } from "./science.js";
import { t } from "../page/texts.js";

const GRAY = 8; // chroma below which a color has no hue
const [DARK, LIGHT] = [40, 75]; // L*
const [BLACK, WHITE] = [15, 95];
const HUES = [ // up to which angle of CIE a* and b* a color is called so, in degrees
  [15, "pink"], [50, "red"], [75, "orange"], [105, "yellow"], [165, "green"],
  [230, "turquoise"], [295, "blue"], [330, "purple"], [360, "pink"],
];

/** @param {string} hex "#rrggbb" @returns {string} such as "dark red #5a1a12" */
export function nameOf(hex) {
  const [light, a, b] = labOf(hex);
  return `${Math.hypot(a, b) < GRAY ? grayName(light) : hueName(light, a, b)} ${hex}`;
}

function grayName(light) {
  if (light < BLACK) return t("color.black");
  return light > WHITE ? t("color.white") : shaded(light, t("color.gray"));
}

function hueName(light, a, b) {
  const angle = ((Math.atan2(b, a) * 180) / Math.PI + 360) % 360;
  const [, name] = HUES.find(([end]) => angle <= end);
  const isBrown = light < 55 && (name === "orange" || name === "yellow");
  return shaded(light, t(isBrown ? "color.brown" : `color.${name}`));
}

function shaded(light, color) {
  if (light < DARK) return t("color.dark", { color });
  return light > LIGHT ? t("color.light", { color }) : color;
}
