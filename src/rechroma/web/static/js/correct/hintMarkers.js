/** The marks of the chosen colors on the picture: to select, move and delete. */

import { clamp } from "../stage/camera.js";
import { describeColor } from "../color/colorNames.js";
import { ARROWS } from "../stage/gestures.js";
import { t } from "../page/texts.js";

const CLICK = 4; // CSS pixels that a hand may tremble

/**
 * @param {ReturnType<import("../state/store.js").createStore>} store
 * @param {ReturnType<import("./hints.js").createHints>} hints
 * @param {() => import("../stage/view.js").View} view
 */
export function initHintMarkers(store, hints, view) {
  const layer = document.querySelector("#marks");
  /** @type {Map<number, HTMLButtonElement>} */
  const marks = new Map();
  const ring = document.createElement("span");
  ring.className = "mark ring";

  const findHint = (id) => store.current?.edit.hints.find((hint) => hint.id === id);

  function put(element, place) {
    const { left, top } = view().pointOf(place);
    element.style.translate = `${left}px ${top}px`;
  }

  function createMarker(id) {
    const mark = document.createElement("button");
    mark.type = "button";
    mark.className = "mark";
    makeDraggable(mark, view, {
      click: () => hints.choose(findHint(id), id),
      drag: (place, isSettled) => hints.move(id, place, isSettled),
    });
    mark.addEventListener("keydown", (event) => onKey(event, id));
    return mark;
  }

  function onKey(event, id) {
    const hint = findHint(id);
    if (event.key === "Delete" || event.key === "Backspace") hints.remove(id);
    else if (event.key in ARROWS) {
      const [dx, dy] = ARROWS[event.key].map((way) => way * hints.step);
      hints.move(id, { x: clamp(hint.x + dx, 0, 1), y: clamp(hint.y + dy, 0, 1) }, true);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function show() {
    const { spot, mode } = store.state;
    layer.hidden = mode !== "correct";
    const list = store.current?.chroma ? store.current.edit.hints : [];
    for (const [id, mark] of marks) {
      if (list.some((hint) => hint.id === id)) continue;
      if (mark === document.activeElement) document.querySelector("#stage").focus();
      mark.remove();
      marks.delete(id);
    }
    const { left, top } = view().corner; // those of places out of view would lie on the gray picture
    layer.style.clipPath = left || top ? `inset(${top}px 0 0 ${left}px)` : "none";
    list.forEach((hint, index) => showMark(hint, index + 1, spot?.hint === hint.id));
    if (spot && !spot.hint) {
      layer.append(ring);
      put(ring, spot);
    } else ring.remove();
  }

  function showMark(hint, number, isChosen) {
    if (!marks.has(hint.id)) {
      marks.set(hint.id, createMarker(hint.id));
      layer.append(marks.get(hint.id));
    }
    const mark = marks.get(hint.id);
    put(mark, hint);
    mark.style.backgroundColor = hint.color;
    mark.setAttribute("aria-pressed", String(isChosen));
    const [x, y] = [hint.x, hint.y].map((share) => Math.round(share * 100));
    mark.setAttribute("aria-label", t("mark", { number, color: describeColor(hint.color), x, y }));
  }

  store.subscribe(show);
  return show;
}

/** Tell clicks on an element from drags of it over the picture. */
function makeDraggable(element, view, to) {
  let began = null;
  let hasMoved = false;
  let place = null; // the last one on the picture

  function end() {
    if (place) to.drag(place, true);
    place = null;
  }

  element.addEventListener("pointerdown", (event) => {
    element.setPointerCapture(event.pointerId);
    began = { x: event.clientX, y: event.clientY };
    hasMoved = false;
    place = null;
  });
  element.addEventListener("pointermove", (event) => {
    if (!element.hasPointerCapture(event.pointerId)) return;
    hasMoved ||= Math.hypot(event.clientX - began.x, event.clientY - began.y) > CLICK;
    const next = hasMoved && view().placeAt(event.clientX, event.clientY);
    if (!next) return;
    place = next;
    to.drag(place, false);
  });
  element.addEventListener("pointerup", end);
  element.addEventListener("pointercancel", () => {
    end();
    hasMoved = false;
  });
  // A click by the keyboard comes without a pointer; that of a drag's end is none.
  element.addEventListener("click", () => {
    if (!hasMoved) to.click();
    hasMoved = false;
  });
}
