/** The picture on the stage: what is shown there, and what hands and keys do to it. */

import { clamp } from "./camera.js";
import { ARROWS, watchGestures } from "./gestures.js";
import { isPreviewStale } from "../correct/hints.js";
import { adjustedChroma } from "../photos/queue.js";
import { t, describeProblem } from "../page/texts.js";
import { View } from "./view.js";

const ZOOM_STEP = 1.25;
const PAN_STEP = 60; // CSS pixels
const SPLIT_STEP = 0.05;
const INSET = 10; // CSS pixels
const CROSSHAIR_STEP = 0.02; // of the picture
const MIN_CAPTION_WIDTH = 200; // CSS pixels that the words for before and after need
const find = (selector) => document.querySelector(selector);

/**
 * @param {ReturnType<import("../state/store.js").createStore>} store
 * @param {ReturnType<import("../photos/queue.js").createQueue>} queue
 * @param {ReturnType<import("../correct/hints.js").createHints>} hints
 * @param {() => void} moved is called when places on the picture are elsewhere
 */
export function initStage(store, queue, hints, moved) {
  const stage = find("#stage");
  const view = new View(find("#canvas"), () => {
    showZoom(view);
    positionCaptions(view, stage);
    positionCrosshair();
    moved();
  });
  watchGestures(stage, {
    pan: (dx, dy) => view.panBy(dx, dy),
    slides: () => isSliding(store.state) && view.camera.isWhole,
    slide: (clientX) => slideTo(view, stage, clientX),
    zoom: (factor, x, y) => view.zoomTo(view.camera.scale * factor, x, y),
    click: (x, y) => {
      const place = store.state.mode === "correct" && view.placeAt(x, y);
      if (place) hints.choose(place);
    },
    doubleClick: (x, y) => toggleZoom(view, x, y),
  });
  initDivider(view, stage);
  initTools(view, store);
  const positionCrosshair = initKeys(view, stage, store, hints);
  new ResizeObserver(() => view.resize()).observe(stage);
  store.subscribe(showing(view, store, queue));
  return view;
}

const isSliding = ({ layout, mode }) => layout === "slider" && mode === "adjust";

/** Keep the view as the store says. */
function showing(view, store, queue) {
  const nothing = { id: null, isAsked: false, isUnsaved: false, hasPixels: false, chroma: null, adjustments: null };
  let shown = nothing;

  async function open(photo) {
    shown = { ...nothing, id: photo?.id ?? null, isAsked: Boolean(photo?.width) };
    view.show(null);
    const opened = photo && (await queue.opened(photo.id).catch(() => null));
    if (!photo || shown.id !== photo.id || shown.hasPixels) return;
    shown.isUnsaved = !opened && shown.isAsked;
    if (!opened) return showNotice(store.current, shown.isUnsaved);
    shown.hasPixels = true;
    view.resize();
    view.show(opened, store.photo(photo.id));
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
    const canBeSeenNow = photo?.width && !shown.isAsked;
    if (isOther || (canBeSeenNow && !shown.hasPixels)) open(photo);
    view.setSide(state.layout === "side");
    const slides = isSliding(state) && Boolean(photo?.chroma);
    find("#divider").hidden = !slides;
    view.split = slides ? dividerPosition() : 0;
    find("#before").hidden = !photo?.chroma || (!slides && state.layout !== "side");
    find("#after").hidden = !photo?.chroma;
    find("#stage").dataset.mode = state.mode;
    find("#stage").setAttribute("aria-busy", String(isPreviewStale(photo)));
    showColors();
    showNotice(photo, shown.isUnsaved);
    describeDivider();
  };
}

/** Say why there is no picture to be seen, or none in color. */
function showNotice(photo, isUnsaved) {
  const notice = find("#notice");
  notice.hidden = !photo || (photo.chroma && photo.stage !== "failed" && !isUnsaved);
  if (!notice.hidden) notice.textContent = isUnsaved ? t("problem.unreadable") : describeNotice(photo);
}

function describeNotice({ stage, problem }) {
  if (stage === "failed") return describeProblem(problem);
  return t(stage === "done" ? "stage.unseen" : `stage.${stage}`);
}

const dividerPosition = () => Number(find("#divider").getAttribute("aria-valuenow")) / 100;

function setDivider(view, share) {
  view.split = clamp(share, 0, 1);
  find("#divider").style.left = `${view.split * 100}%`;
  find("#divider").setAttribute("aria-valuenow", String(Math.round(view.split * 100)));
  describeDivider();
}

function describeDivider() {
  const percent = find("#divider").getAttribute("aria-valuenow");
  find("#divider").setAttribute("aria-valuetext", t("divider.value", { percent }));
}

function slideTo(view, stage, clientX) {
  const box = stage.getBoundingClientRect();
  setDivider(view, (clientX - box.left) / box.width);
}

function initDivider(view, stage) {
  const divider = find("#divider");
  divider.addEventListener("pointerdown", (event) => divider.setPointerCapture(event.pointerId));
  divider.addEventListener("pointermove", (event) => {
    if (divider.hasPointerCapture(event.pointerId)) slideTo(view, stage, event.clientX);
  });
  divider.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -4, PageUp: 4 };
    const ends = { Home: 0, End: 1 };
    if (event.key in steps) setDivider(view, view.split + steps[event.key] * SPLIT_STEP);
    else if (event.key in ends) setDivider(view, ends[event.key]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

function toggleZoom(view, x, y) {
  if (view.camera.isFitted && view.camera.scale !== 1) view.zoomTo(1, x, y);
  else view.fit();
}

function showZoom(view) {
  const button = find("#zoom-actual");
  const text = `${Math.round(view.camera.scale * 100)} %`;
  find("#zoom-value").textContent = text;
  button.setAttribute("aria-label", `${text}, ${button.title}`);
}

/** Put the words for before and after into the pictures' upper corners, and the line onto them. */
function positionCaptions(view, stage) {
  const { left, top, right, bottom } = view.bounds;
  const move = (selector, x, y) => {
    find(selector).style.translate = `${x}px ${y + INSET}px`;
  };
  move("#before", left - view.corner.left + INSET, top - view.corner.top);
  move("#after", right - stage.clientWidth - INSET, top);
  stage.toggleAttribute("data-narrow", right - left < MIN_CAPTION_WIDTH);
  const divider = find("#divider");
  divider.style.top = `${top}px`;
  divider.style.height = `${bottom - top}px`;
}

function initTools(view, store) {
  const tools = {
    "zoom-in": () => view.zoomTo(view.camera.scale * ZOOM_STEP),
    "zoom-out": () => view.zoomTo(view.camera.scale / ZOOM_STEP),
    "zoom-fit": () => view.fit(),
    "zoom-actual": () => view.zoomTo(1),
    "full-screen": toggleFullScreen,
    "side": () => store.set({ layout: store.state.layout === "side" ? "slider" : "side" }),
  };
  for (const [id, act] of Object.entries(tools)) find(`#${id}`).addEventListener("click", act);
  find("#full-screen").hidden = !document.fullscreenEnabled;
  document.addEventListener("fullscreenchange", () => {
    find("#full-screen").setAttribute("aria-pressed", String(Boolean(document.fullscreenElement)));
  });
  store.subscribe(({ layout }) => {
    find("#side").setAttribute("aria-pressed", String(layout === "side"));
    showZoom(view);
  });
}

function toggleFullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.documentElement.requestFullscreen(); // what lies outside of it would be dead
}

/** Keys on the stage: zoom, move, and, where colors are chosen, crosshair; gives what draws the crosshair. */
function initKeys(view, stage, store, hints) {
  let crosshair = null;

  function positionCrosshair() {
    if (!crosshair) return;
    const { left, top } = view.pointOf(crosshair);
    find("#aim").style.translate = `${left}px ${top}px`;
  }

  function moveCrosshair([dx, dy], step) {
    crosshair ??= store.state.spot ?? { x: 0.5, y: 0.5 };
    crosshair = { x: clamp(crosshair.x + dx * step, 0, 1), y: clamp(crosshair.y + dy * step, 0, 1) };
    positionCrosshair();
    find("#aim").hidden = false;
    const [x, y] = [crosshair.x, crosshair.y].map((share) => Math.round(share * 100));
    store.set({ say: t("aim", { x, y }) });
  }

  /** Choose the place aimed at, and go on to its colors. */
  async function selectCrosshair() {
    await hints.choose(crosshair);
    if (document.activeElement === stage) find("#swatches button")?.focus();
  }

  const keys = {
    "+": () => view.zoomTo(view.camera.scale * ZOOM_STEP),
    "=": () => view.zoomTo(view.camera.scale * ZOOM_STEP),
    "-": () => view.zoomTo(view.camera.scale / ZOOM_STEP),
    "0": () => view.fit(),
    "1": () => view.zoomTo(1),
  };

  stage.addEventListener("keydown", (event) => {
    if (event.target !== stage || event.ctrlKey || event.metaKey || event.altKey) return;
    const isAiming = store.state.mode === "correct" && store.current?.chroma;
    if (event.key in keys) keys[event.key]();
    else if (event.key in ARROWS && isAiming) {
      moveCrosshair(ARROWS[event.key], event.shiftKey ? CROSSHAIR_STEP / 4 : CROSSHAIR_STEP);
    } else if (event.key in ARROWS) {
      const [dx, dy] = ARROWS[event.key];
      view.panBy(-dx * PAN_STEP, -dy * PAN_STEP);
    } else if (isAiming && crosshair && (event.key === "Enter" || event.key === " ")) selectCrosshair();
    else return;
    event.preventDefault();
  });
  function hideCrosshair() {
    crosshair = null;
    find("#aim").hidden = true;
  }

  stage.addEventListener("blur", hideCrosshair);
  store.subscribe(({ mode }) => {
    if (mode !== "correct") hideCrosshair();
  });
  return positionCrosshair;
}
