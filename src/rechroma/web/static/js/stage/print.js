/** Printing: the photograph on the stage, whole and alone, instead of the page. */

import { find } from "../page/dom.js";

/** @param {import("./compareCanvas.js").CompareCanvas} view */
export function initPrint(view) {
  const sheet = find("#sheet", HTMLCanvasElement);
  window.addEventListener("beforeprint", () => {
    view.drawWhole(sheet);
    sheet.classList.toggle("wide", sheet.width > sheet.height);
  });
  window.addEventListener("afterprint", () => {
    sheet.width = sheet.height = 1; // releases its memory
  });
}
