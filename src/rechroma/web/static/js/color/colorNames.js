/** What colors are called, roughly, for those who hear them. */

import { hexToLab } from "./colorspace.js";
import { t } from "../page/texts.js";

const GRAY = 8; // chroma below which a color has no hue
const [DARK, LIGHT] = [40, 75]; // L*
const [BLACK, WHITE] = [15, 95];
const HUES = [ // up to which angle of CIE a* and b* a color is called so, in degrees
  [15, "pink"], [50, "red"], [75, "orange"], [105, "yellow"], [165, "green"],
  [230, "turquoise"], [295, "blue"], [330, "purple"], [360, "pink"],
];

/** @param {string} hex "#rrggbb" @returns {string} such as "dark red #5a1a12" */
export function describeColor(hex) {
  const [light, a, b] = hexToLab(hex);
  return `${Math.hypot(a, b) < GRAY ? describeGray(light) : describeHue(light, a, b)} ${hex}`;
}

function describeGray(light) {
  if (light < BLACK) return t("color.black");
  return light > WHITE ? t("color.white") : addShade(light, t("color.gray"));
}

function describeHue(light, a, b) {
  const angle = ((Math.atan2(b, a) * 180) / Math.PI + 360) % 360;
  const [, name] = HUES.find(([end]) => angle <= end);
  const isBrown = light < 55 && (name === "orange" || name === "yellow");
  return addShade(light, t(isBrown ? "color.brown" : `color.${name}`));
}

function addShade(light, color) {
  if (light < DARK) return t("color.dark", { color });
  return light > LIGHT ? t("color.light", { color }) : color;
}
