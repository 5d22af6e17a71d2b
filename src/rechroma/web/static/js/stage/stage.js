/** The stage: shows the selected photograph, and handles its pointer, keyboard and toolbar input. */

import { find, targetOf } from "../page/dom.js";
import { describeProblem, formatPercent, t } from "../page/texts.js";
import { adjustedChroma } from "../photos/preview.js";
import { clamp } from "./viewport.js";
import { ARROWS, watchGestures } from "./gestures.js";
import { CompareCanvas } from "./compareCanvas.js";

const ZOOM_STEP = 1.25;
const PAN_STEP = 60; // CSS pixels
const SPLIT_STEP = 0.05;
const CAPTION_INSET = 10; // CSS pixels
const CROSSHAIR_STEP = 0.02; // fraction of the image
const MIN_CAPTION_WIDTH = 200; // CSS pixels that both captions need

/** @typedef {ReturnType<import("../state/store.js").createStore>} Store */
/** @typedef {import("../state/store.js").Photo} Photo */

/**
 * @param {Store} store
 * @param {ReturnType<import("../photos/preview.js").createPreviews>} previews
 * @param {ReturnType<import("../correct/hints.js").createHints>} hints
 * @param {() => void} onMove is called after the image has moved on the screen
 */
export function initStage(store, previews, hints, onMove) {
  const stage = find("#stage");
  const view = new CompareCanvas(find("#canvas", HTMLCanvasElement), () => {
    showZoom(view);
    positionCaptions(view, stage);
    crosshair.position();
    onMove();
  });
  watchGestures(stage, {
    onPan: (dx, dy) => view.panBy(dx, dy),
    canSlide: () => hasDivider(store.state) && view.viewport.isWhole,
    onSlide: (clientX) => slideTo(view, stage, clientX),
    onZoom: (factor, x, y) => view.zoomTo(view.viewport.scale * factor, x, y),
    onClick: (x, y) => {
      const point = store.state.mode === "correct" ? view.pointAt(x, y) : null;
      if (point) hints.selectPoint(point);
    },
    onDoubleClick: (x, y) => toggleZoom(view, x, y),
  });
  initDivider(view, stage);
  initTools(view, store);
  const crosshair = createCrosshair(view, stage, store, hints);
  initKeys(view, stage, store, crosshair);
  new ResizeObserver(() => view.resize()).observe(stage);
  store.subscribe(createRenderer(view, store, previews));
  return view;
}

/** @param {import("../state/store.js").State} state */
const hasDivider = ({ layout, mode }) => layout === "slider" && mode === "adjust";

/**
 * Create a subscriber that keeps the view up to date with the store.
 * @param {CompareCanvas} view
 * @param {Store} store
 * @param {ReturnType<import("../photos/preview.js").createPreviews>} previews
 * @returns {(state: import("../state/store.js").State) => void}
 */
function createRenderer(view, store, previews) {
  /**
   * @type {{id: ?number, wasReadable: boolean, isUnreadable: boolean, hasPixels: boolean,
   *   chroma: Photo["chroma"], adjustments: ?Photo["edit"]["adjustments"]}}
   */
  const nothing = {
    id: null, wasReadable: false, isUnreadable: false, hasPixels: false, chroma: null, adjustments: null,
  };
  let shown = nothing;

  /** @param {Photo} [photo] */
  async function open(photo) {
    shown = { ...nothing, id: photo?.id ?? null, wasReadable: Boolean(photo?.width) };
    view.show(null);
    const image = photo && (await previews.open(photo.id).catch(() => null));
    if (!photo || shown.id !== photo.id || shown.hasPixels) return;
    shown.isUnreadable = !image && shown.wasReadable;
    if (!image) {
      showNotice(store.current, shown.isUnreadable);
      return;
    }
    shown.hasPixels = true;
    view.resize();
    view.show(image, store.photo(photo.id));
    showColors();
  }

  function showColors() {
    const photo = store.current;
    if (!shown.hasPixels || photo?.id !== shown.id) return;
    if (photo.chroma === shown.chroma && photo.edit.adjustments === shown.adjustments) return;
    shown = { ...shown, chroma: photo.chroma, adjustments: photo.edit.adjustments };
    view.color(adjustedChroma(photo));
  }

  return (state) => {
    const photo = store.current;
    const isOther = (photo?.id ?? null) !== shown.id;
    const isReadableNow = photo?.width && !shown.wasReadable;
    if (isOther || (isReadableNow && !shown.hasPixels)) open(photo);
    view.setSideBySide(state.layout === "side");
    const isDivided = hasDivider(state) && Boolean(photo?.chroma);
    find("#divider").hidden = !isDivided;
    view.split = isDivided ? dividerPosition() : 0;
    find("#before").hidden = !photo?.chroma || (!isDivided && state.layout !== "side");
    find("#after").hidden = !photo?.chroma;
    find("#stage").dataset.mode = state.mode;
    find("#stage").setAttribute("aria-busy", String(store.isPreviewStale(photo)));
    showColors();
    showNotice(photo, shown.isUnreadable);
    describeDivider();
  };
}

/**
 * Show why the photograph is not (yet) on the stage, or not in color.
 * @param {Photo | undefined} photo
 * @param {boolean} isUnreadable
 */
function showNotice(photo, isUnreadable) {
  const notice = find("#notice");
  notice.hidden = !photo || (photo.chroma !== null && photo.stage !== "failed" && !isUnreadable);
  if (!photo || notice.hidden) return;
  notice.textContent = isUnreadable ? t("problem.unreadable") : describeNotice(photo);
}

/** @param {Photo} photo */
function describeNotice({ stage, problem }) {
  if (stage === "failed") return describeProblem(problem);
  return t(stage === "done" ? "stage.no-preview" : `stage.${stage}`);
}

const dividerPosition = () => Number(find("#divider").getAttribute("aria-valuenow")) / 100;

/** @param {CompareCanvas} view @param {number} fraction */
function setDivider(view, fraction) {
  view.split = clamp(fraction, 0, 1);
  find("#divider").style.left = `${view.split * 100}%`;
  find("#divider").setAttribute("aria-valuenow", String(Math.round(view.split * 100)));
  describeDivider();
}

function describeDivider() {
  const percent = formatPercent(dividerPosition());
  find("#divider").setAttribute("aria-valuetext", t("divider.value", { percent }));
}

/** @param {CompareCanvas} view @param {HTMLElement} stage @param {number} clientX */
function slideTo(view, stage, clientX) {
  const box = stage.getBoundingClientRect();
  setDivider(view, (clientX - box.left) / box.width);
}

/** @param {CompareCanvas} view @param {HTMLElement} stage */
function initDivider(view, stage) {
  const divider = find("#divider");
  divider.addEventListener("pointerdown", (event) => divider.setPointerCapture(event.pointerId));
  divider.addEventListener("pointermove", (event) => {
    if (divider.hasPointerCapture(event.pointerId)) slideTo(view, stage, event.clientX);
  });
  divider.addEventListener("keydown", (event) => {
    /** @type {Record<string, number>} */
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -4, PageUp: 4 };
    /** @type {Record<string, number>} */
    const ends = { Home: 0, End: 1 };
    if (event.key in steps) setDivider(view, view.split + steps[event.key] * SPLIT_STEP);
    else if (event.key in ends) setDivider(view, ends[event.key]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

/** @param {CompareCanvas} view @param {number} x @param {number} y */
function toggleZoom(view, x, y) {
  if (view.viewport.isFitted && view.viewport.scale !== 1) view.zoomTo(1, x, y);
  else view.fit();
}

/** @param {CompareCanvas} view */
function showZoom(view) {
  const button = find("#zoom-actual");
  const text = formatPercent(view.viewport.scale);
  find("#zoom-value").textContent = text;
  button.setAttribute("aria-label", `${text}, ${button.title}`);
}

/**
 * Position the captions in the upper corners of the images, and the divider on them.
 * @param {CompareCanvas} view
 * @param {HTMLElement} stage
 */
function positionCaptions(view, stage) {
  const { left, top, right, bottom } = view.bounds;
  /** @param {string} selector @param {number} x @param {number} y */
  const move = (selector, x, y) => {
    find(selector).style.translate = `${x}px ${y + CAPTION_INSET}px`;
  };
  move("#before", left - view.corner.left + CAPTION_INSET, top - view.corner.top);
  move("#after", right - stage.clientWidth - CAPTION_INSET, top);
  stage.toggleAttribute("data-narrow", right - left < MIN_CAPTION_WIDTH);
  const divider = find("#divider");
  divider.style.top = `${top}px`;
  divider.style.height = `${bottom - top}px`;
}

/** @param {CompareCanvas} view @param {Store} store */
function initTools(view, store) {
  const tools = {
    "zoom-in": () => view.zoomTo(view.viewport.scale * ZOOM_STEP),
    "zoom-out": () => view.zoomTo(view.viewport.scale / ZOOM_STEP),
    "zoom-fit": () => view.fit(),
    "zoom-actual": () => view.zoomTo(1),
    "full-screen": toggleFullScreen,
    "side-by-side": () => store.set({ layout: store.state.layout === "side" ? "slider" : "side" }),
  };
  for (const [id, act] of Object.entries(tools)) find(`#${id}`).addEventListener("click", act);
  find("#full-screen").hidden = !document.fullscreenEnabled;
  document.addEventListener("fullscreenchange", () => {
    find("#full-screen").setAttribute("aria-pressed", String(Boolean(document.fullscreenElement)));
  });
  store.subscribe(({ layout }) => {
    find("#side-by-side").setAttribute("aria-pressed", String(layout === "side"));
    showZoom(view);
  });
}

function toggleFullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen(); // controls outside of the element would be unusable
}

/**
 * Create the crosshair, with which the keyboard selects a point.
 * @param {CompareCanvas} view
 * @param {HTMLElement} stage
 * @param {Store} store
 * @param {ReturnType<import("../correct/hints.js").createHints>} hints
 */
function createCrosshair(view, stage, store, hints) {
  /** @type {?import("./compareCanvas.js").Point} */
  let point = null;

  function position() {
    if (!point) return;
    const { left, top } = view.pointOf(point);
    find("#crosshair").style.translate = `${left}px ${top}px`;
  }

  function hide() {
    point = null;
    find("#crosshair").hidden = true;
  }

  stage.addEventListener("blur", hide);
  store.subscribe(({ mode }) => {
    if (mode !== "correct") hide();
  });

  return {
    position,
    get isVisible() {
      return point !== null;
    },
    /** @param {number[]} direction @param {number} step fraction of the image */
    move([dx, dy], step) {
      const { x: oldX, y: oldY } = point ?? store.state.spot ?? { x: 0.5, y: 0.5 };
      point = { x: clamp(oldX + dx * step, 0, 1), y: clamp(oldY + dy * step, 0, 1) };
      position();
      find("#crosshair").hidden = false;
      const [x, y] = [point.x, point.y].map((fraction) => formatPercent(fraction));
      store.set({ announcement: t("crosshair", { x, y }) });
    },
    /** Select the point, and move the focus to the colors suggested for it. */
    async select() {
      if (!point) return;
      await hints.selectPoint(point);
      if (document.activeElement === stage) find("#swatches").querySelector("button")?.focus();
    },
  };
}

/**
 * Handle keys on the stage: zoom, pan, and the crosshair in the Correct tab.
 * @param {CompareCanvas} view
 * @param {HTMLElement} stage
 * @param {Store} store
 * @param {ReturnType<typeof createCrosshair>} crosshair
 */
function initKeys(view, stage, store, crosshair) {
  /** @type {Record<string, () => void>} */
  const keys = {
    "+": () => view.zoomTo(view.viewport.scale * ZOOM_STEP),
    "=": () => view.zoomTo(view.viewport.scale * ZOOM_STEP),
    "-": () => view.zoomTo(view.viewport.scale / ZOOM_STEP),
    "0": () => view.fit(),
    "1": () => view.zoomTo(1),
  };
  stage.addEventListener("keydown", (event) => {
    if (targetOf(event) !== stage || event.ctrlKey || event.metaKey || event.altKey) return;
    const isCorrecting = store.state.mode === "correct" && store.current?.chroma;
    if (event.key in keys) keys[event.key]();
    else if (event.key in ARROWS && isCorrecting) {
      crosshair.move(ARROWS[event.key], event.shiftKey ? CROSSHAIR_STEP / 4 : CROSSHAIR_STEP);
    } else if (event.key in ARROWS) {
      const [dx, dy] = ARROWS[event.key];
      view.panBy(-dx * PAN_STEP, -dy * PAN_STEP);
    } else if (isCorrecting && crosshair.isVisible && [" ", "Enter"].includes(event.key)) {
      crosshair.select();
    } else return;
    event.preventDefault();
  });
}
