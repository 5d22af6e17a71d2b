/** Markers of the hints on the stage: to select, drag and delete them. */

import { describeColor } from "../color/colorNames.js";
import { find } from "../page/dom.js";
import { formatPercent, t } from "../page/texts.js";
import { clamp } from "../stage/viewport.js";
import { ARROWS } from "../stage/gestures.js";

const CLICK_TOLERANCE = 4; // CSS pixels that the pointer may move during a click

/**
 * @param {ReturnType<import("../state/store.js").createStore>} store
 * @param {ReturnType<import("./hints.js").createHints>} hints
 * @param {() => import("../stage/compareCanvas.js").CompareCanvas} view
 * @returns {() => void} updates the markers after the view has moved
 */
export function initHintMarkers(store, hints, view) {
  const layer = find("#markers");
  /** @type {Map<number, HTMLButtonElement>} */
  const markers = new Map();
  const ring = document.createElement("span"); // marks a point that has no hint yet
  ring.className = "marker ring";

  /** @param {number} id */
  const findHint = (id) => store.current?.edit.hints.find((hint) => hint.id === id);

  /** @param {HTMLElement} element @param {import("../stage/compareCanvas.js").Point} point */
  function position(element, point) {
    const { left, top } = view().pointOf(point);
    element.style.translate = `${left}px ${top}px`;
  }

  /** @param {number} id */
  function createMarker(id) {
    const marker = document.createElement("button");
    marker.type = "button";
    marker.className = "marker";
    makeDraggable(marker, view, {
      onClick: () => {
        const hint = findHint(id);
        if (hint) hints.selectPoint(hint, id);
      },
      onDrag: (point, isFinal) => hints.move(id, point, isFinal),
    });
    marker.addEventListener("keydown", (event) => onKey(event, id));
    markers.set(id, marker);
    layer.append(marker);
    return marker;
  }

  /** @param {KeyboardEvent} event @param {number} id */
  function onKey(event, id) {
    const hint = findHint(id);
    if (!hint) return;
    if (event.key === "Delete" || event.key === "Backspace") hints.remove(id);
    else if (event.key in ARROWS) {
      const [dx, dy] = ARROWS[event.key].map((direction) => direction * hints.step);
      hints.move(id, { x: clamp(hint.x + dx, 0, 1), y: clamp(hint.y + dy, 0, 1) }, true);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function render() {
    const { spot, mode } = store.state;
    layer.hidden = mode !== "correct";
    const { chroma, edit } = store.current ?? {};
    const list = chroma && edit && store.supportsHints(edit.model) ? edit.hints : [];
    for (const [id, marker] of markers) {
      if (list.some((hint) => hint.id === id)) continue;
      if (marker === document.activeElement) find("#stage").focus();
      marker.remove();
      markers.delete(id);
    }
    const { left, top } = view().corner; // clips markers that would lie on the gray image
    layer.style.clipPath = left || top ? `inset(${top}px 0 0 ${left}px)` : "none";
    list.forEach((hint, index) => renderMarker(hint, index + 1, spot?.hint === hint.id));
    if (spot && !spot.hint) {
      layer.append(ring);
      position(ring, spot);
    } else ring.remove();
  }

  /** @param {import("../state/store.js").Hint} hint @param {number} number @param {boolean} isSelected */
  function renderMarker(hint, number, isSelected) {
    const marker = markers.get(hint.id) ?? createMarker(hint.id);
    position(marker, hint);
    marker.style.backgroundColor = hint.color;
    marker.setAttribute("aria-pressed", String(isSelected));
    const [x, y] = [hint.x, hint.y].map((fraction) => formatPercent(fraction));
    marker.setAttribute("aria-label", t("marker", { number, color: describeColor(hint.color), x, y }));
  }

  store.subscribe(render);
  return render;
}

/**
 * Tell clicks on an element from drags of it.
 * @param {HTMLElement} element
 * @param {() => import("../stage/compareCanvas.js").CompareCanvas} view
 * @param {object} on
 * @param {() => void} on.onClick
 * @param {(point: import("../stage/compareCanvas.js").Point, isFinal: boolean) => void} on.onDrag
 */
function makeDraggable(element, view, { onClick, onDrag }) {
  let start = { x: 0, y: 0 };
  let hasMoved = false;
  /** @type {?import("../stage/compareCanvas.js").Point} */
  let point = null; // the last one inside the image

  function end() {
    if (point) onDrag(point, true);
    point = null;
  }

  element.addEventListener("pointerdown", (event) => {
    element.setPointerCapture(event.pointerId);
    start = { x: event.clientX, y: event.clientY };
    hasMoved = false;
    point = null;
  });
  element.addEventListener("pointermove", (event) => {
    if (!element.hasPointerCapture(event.pointerId)) return;
    const distance = Math.hypot(event.clientX - start.x, event.clientY - start.y);
    hasMoved ||= distance > CLICK_TOLERANCE;
    const next = hasMoved ? view().pointAt(event.clientX, event.clientY) : null;
    if (!next) return;
    point = next;
    onDrag(point, false);
  });
  element.addEventListener("pointerup", end);
  element.addEventListener("pointercancel", () => {
    end();
    hasMoved = false;
  });
  // A click event also comes from the keyboard, without a pointer, and at the end of a drag.
  element.addEventListener("click", () => {
    if (!hasMoved) onClick();
    hasMoved = false;
  });
}
