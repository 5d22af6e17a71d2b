/** The stage's canvas: a photograph before and in color, as large as its box on the screen. */

import { Camera, clamp } from "./camera.js";
import { makeGray } from "../color/colorspace.js";
import { createCanvas } from "../photos/images.js";
import { paint } from "../color/render.js";

const MAX_PIXELS = 2_400_000;
const SLOW_FRAME = 40; // milliseconds; above, a moving picture is drawn with half the detail
const SETTLED = 140; // milliseconds without a change
const FADE_TIME = 450; // milliseconds in which the first colors come

/** @typedef {import("../photos/images.js").Opened} Opened */
/** @typedef {import("../color/render.js").Chroma} Chroma */
/** @typedef {{x: number, y: number}} Place in shares of the picture */

const prefersReducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

export class View {
  #canvas;
  #context;
  #moved;
  #camera = new Camera();
  #before = createCanvas(1, 1);
  #colored = createCanvas(1, 1);
  /** @type {?Opened} */
  #opened = null;
  /** @type {?Chroma} */
  #chroma = null;
  #plane = { key: "", pixels: null };
  #split = 0.5;
  #fade = { began: 0, share: 1 };
  #frame = 0;
  #settling = 0;
  #isDraft = false;
  #took = 0;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {() => void} moved is called when places on the picture are elsewhere on the screen
   */
  constructor(canvas, moved) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d", { willReadFrequently: true });
    this.#moved = moved;
  }

  get camera() {
    return this.#camera;
  }

  /** How much of the width shows what was before, 0..1. */
  get split() {
    return this.#split;
  }

  set split(share) {
    const wanted = clamp(share, 0, 1);
    if (wanted === this.#split) return;
    this.#split = wanted;
    if (this.#opened && !this.#frame) this.#compose();
  }

  /**
   * Show a photograph, or nothing.
   * @param {?Opened} opened
   * @param {import("./camera.js").Size} [size] of the whole, of which `opened` may be a small copy
   */
  show(opened, size) {
    this.#opened = opened;
    this.#chroma = null;
    this.#plane = { key: "", pixels: null };
    this.#canvas.dataset.drawn = "";
    if (opened) this.#camera.picture = { width: size.width, height: size.height };
    this.fit();
    this.#redraw();
  }

  /** Show these colors. @param {?Chroma} chroma */
  color(chroma) {
    const isFirst = chroma && !this.#chroma;
    this.#chroma = chroma;
    if (isFirst) this.#startFade();
    this.#redraw({ draft: !isFirst });
  }

  setSide(isSide) {
    if (this.#camera.isSide === isSide) return;
    this.#change(() => {
      this.#camera.isSide = isSide;
    });
  }

  /** The box has another size. */
  resize() {
    const { clientWidth, clientHeight } = this.#canvas.parentElement;
    const most = Math.sqrt(MAX_PIXELS / Math.max(1, clientWidth * clientHeight));
    this.#change(() => {
      this.#camera.pixelRatio = Math.min(devicePixelRatio, most);
      setSize(this.#canvas, ...[clientWidth, clientHeight].map((side) =>
        Math.max(1, Math.round(side * this.#camera.pixelRatio))));
      this.#camera.canvas = { width: this.#canvas.width, height: this.#canvas.height };
    });
  }

  /** Change the panes; what was fitted stays so. */
  #change(how) {
    const { isFitted } = this.#camera;
    how();
    if (isFitted) this.fit();
    else this.#move(() => this.#camera.moveTo(this.#camera.scale, this.#camera.x, this.#camera.y));
  }

  fit() {
    this.#move(() => this.#camera.fit());
  }

  /** Zoom around a point of the window; around the middle without. */
  zoomTo(scale, clientX, clientY) {
    const at = clientX === undefined ? this.#camera : this.#pixelAt(clientX, clientY);
    this.#move(() => this.#camera.zoomTo(scale, { x: at.x, y: at.y }), { draft: true });
  }

  /** Move by CSS pixels. */
  panBy(dx, dy) {
    const { scale, x, y, pixelRatio } = this.#camera;
    const step = pixelRatio / scale;
    this.#move(() => this.#camera.moveTo(scale, x - dx * step, y - dy * step), { draft: true });
  }

  #move(how, options) {
    if (!this.#opened) return;
    how();
    this.#redraw(options);
    this.#moved();
  }

  #pixelAt(clientX, clientY) {
    const box = this.#canvas.getBoundingClientRect();
    return this.#camera.pixelAt(clientX - box.left, clientY - box.top);
  }

  /** @returns {?Place} of the picture at a point of the window; null beside it */
  placeAt(clientX, clientY) {
    if (!this.#opened) return null;
    const pixel = this.#pixelAt(clientX, clientY);
    const { width, height } = this.#camera.picture;
    const place = { x: pixel.x / width, y: pixel.y / height };
    return [place.x, place.y].every((share) => share >= 0 && share <= 1) ? place : null;
  }

  /** @param {Place} place @returns {{left: number, top: number}} in CSS pixels of the box */
  pointOf({ x, y }) {
    const { width, height } = this.#camera.picture;
    return this.#camera.pointOf(x * width, y * height);
  }

  /** From where on the box may show the picture in color, in CSS pixels. */
  get corner() {
    const { second, pixelRatio } = this.#camera;
    return { left: second.left / pixelRatio, top: second.top / pixelRatio };
  }

  /** The part of the box that the picture in color covers. */
  get bounds() {
    const { picture } = this.#camera;
    const { clientWidth, clientHeight } = this.#canvas;
    const start = this.#camera.pointOf(0, 0);
    const end = this.#camera.pointOf(picture.width, picture.height);
    return {
      left: Math.max(start.left, this.corner.left),
      top: Math.max(start.top, this.corner.top),
      right: Math.min(end.left, clientWidth),
      bottom: Math.min(end.top, clientHeight),
    };
  }

  #redraw({ draft = false } = {}) {
    this.#isDraft = draft;
    this.#frame ||= requestAnimationFrame(() => this.#draw());
    clearTimeout(this.#settling);
    if (draft) this.#settling = setTimeout(() => this.#redraw(), SETTLED);
  }

  #draw() {
    this.#frame = 0;
    if (!this.#opened) {
      this.#context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
      return;
    }
    const began = performance.now();
    const detail = this.#isDraft && this.#took > SLOW_FRAME ? 0.5 : 1;
    const { pane } = this.#camera;
    const [width, height] = [pane.width, pane.height].map((side) => Math.ceil(side * detail));
    this.#drawBefore(width, height);
    if (this.#chroma) this.#drawColors(width, height);
    this.#compose();
    if (detail === 1) this.#took = performance.now() - began;
    this.#canvas.dataset.drawn = this.#drawn();
  }

  /** What is to be seen, for who waits for it. */
  #drawn() {
    if (!this.#chroma) return "before";
    return this.#isDraft || this.#fade.share < 1 ? "draft" : "color";
  }

  /** What is seen of the photograph as it came, and in gray: both the same whatever the colors. */
  #drawBefore(width, height) {
    const part = this.#camera.seen;
    const key = [part.left, part.top, part.width, part.height, width, height].join();
    if (this.#plane.key === key) return;
    setSize(this.#before.canvas, width, height);
    this.#drawPart(part, width / part.width, height / part.height);
    const pixels = this.#before.context.getImageData(0, 0, width, height);
    makeGray(pixels.data);
    this.#plane = { key, pixels };
  }

  #drawPart(part, scaleX, scaleY) {
    const { full, view } = this.#opened;
    const { context, canvas } = this.#before;
    const whole = this.#camera.picture;
    const source = whole.width * scaleX > view.width ? full : view;
    const [ratioX, ratioY] = [source.width / whole.width, source.height / whole.height];
    const left = Math.max(part.left, 0);
    const top = Math.max(part.top, 0);
    const width = Math.min(part.left + part.width, whole.width) - left;
    const height = Math.min(part.top + part.height, whole.height) - top;
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingEnabled = scaleX !== 1;
    context.imageSmoothingQuality = "high";
    context.drawImage(
      source,
      left * ratioX, top * ratioY, width * ratioX, height * ratioY,
      (left - part.left) * scaleX, (top - part.top) * scaleY, width * scaleX, height * scaleY,
    );
  }

  #drawColors(width, height) {
    const { seen, picture } = this.#camera;
    const region = {
      x: seen.left / picture.width,
      y: seen.top / picture.height,
      width: seen.width / picture.width,
      height: seen.height / picture.height,
    };
    const pixels = new ImageData(width, height);
    paint(this.#plane.pixels, this.#chroma, region, pixels.data);
    setSize(this.#colored.canvas, width, height);
    this.#colored.context.putImageData(pixels, 0, 0);
  }

  /** Put both onto the canvas. */
  #compose() {
    const context = this.#context;
    const { pane, second, isSide } = this.#camera;
    context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    this.#put(this.#before.canvas, { left: 0, top: 0 });
    if (isSide) this.#put(this.#before.canvas, second);
    if (!this.#chroma) return;
    const from = isSide ? 0 : Math.round(this.#split * pane.width);
    context.save();
    context.beginPath();
    context.rect(second.left + from, second.top, pane.width - from, pane.height);
    context.clip();
    if (this.#fade.share === 1) context.clearRect(second.left, second.top, pane.width, pane.height);
    context.globalAlpha = this.#fade.share;
    this.#put(this.#colored.canvas, second);
    context.restore();
  }

  #put(source, { left, top }) {
    const { width, height } = this.#camera.pane;
    this.#context.drawImage(source, left, top, width, height);
  }

  #startFade() {
    this.#fade = { began: performance.now(), share: prefersReducedMotion() ? 1 : 0 };
    if (this.#fade.share < 1) requestAnimationFrame((now) => this.#goOnFading(now));
  }

  #goOnFading(now) {
    if (!this.#chroma || !this.#opened) return;
    this.#fade.share = clamp((now - this.#fade.began) / FADE_TIME, 0, 1);
    if (!this.#frame) this.#compose();
    if (this.#fade.share < 1) requestAnimationFrame((later) => this.#goOnFading(later));
    else this.#redraw();
  }
}

function setSize(canvas, width, height) {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}
