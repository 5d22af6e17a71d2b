/** The canvas of the stage: draws the visible part of an image before and after, at screen size. */

import { Viewport, clamp } from "./viewport.js";
import { makeGray } from "../color/colorspace.js";
import { createCanvas } from "../photos/decodeImage.js";
import { WHOLE, paint } from "../color/render.js";
import { contextOf } from "../page/dom.js";

const MAX_PIXELS = 2_400_000;
const MAX_PRINT_PIXELS = 9_000_000; // A4 at 300 dpi
const SLOW_FRAME = 40; // milliseconds; slower frames are drawn at half the resolution during a move
const SETTLE_DELAY = 140; // milliseconds after the last move, until the full resolution is drawn
const FADE_TIME = 450; // milliseconds

/** @typedef {import("../photos/decodeImage.js").DecodedImage} DecodedImage */
/** @typedef {import("../color/render.js").Chroma} Chroma */
/** @typedef {{x: number, y: number}} Point in fractions of the image */

const prefersReducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

export class CompareCanvas {
  #canvas;
  #context;
  #onMove;
  #viewport = new Viewport();
  #before = createCanvas(1, 1);
  #colored = createCanvas(1, 1);
  /** @type {?DecodedImage} */
  #image = null;
  /** @type {?Chroma} */
  #chroma = null;
  /** @type {?{key: string, pixels: ImageData}} */
  #grayPart = null;
  #split = 0.5;
  #fade = { start: 0, progress: 1 };
  #frame = 0;
  #settleTimer = 0;
  #isDraft = false;
  #frameTime = 0;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {() => void} onMove is called after the image has moved on the screen
   */
  constructor(canvas, onMove) {
    this.#canvas = canvas;
    this.#context = contextOf(canvas, { willReadFrequently: true });
    this.#onMove = onMove;
  }

  get viewport() {
    return this.#viewport;
  }

  /** The fraction of the width that shows the image before. */
  get split() {
    return this.#split;
  }

  set split(fraction) {
    const wanted = clamp(fraction, 0, 1);
    if (wanted === this.#split) return;
    this.#split = wanted;
    if (this.#image && !this.#frame) this.#compose();
  }

  /**
   * Show an image, or nothing.
   * @param {?DecodedImage} image
   * @param {import("./viewport.js").Size} [size] of the photograph, if `image` may be a smaller copy
   */
  show(image, size) {
    this.#image = image;
    this.#chroma = null;
    this.#grayPart = null;
    this.#canvas.dataset.drawn = "";
    if (image && size) this.#viewport.image = { width: size.width, height: size.height };
    this.fit();
    this.#redraw();
  }

  /** Show colors; the first ones fade in. @param {?Chroma} chroma */
  color(chroma) {
    const isFirst = chroma && !this.#chroma;
    this.#chroma = chroma;
    if (isFirst) this.#startFade();
    this.#redraw({ draft: !isFirst });
  }

  /** @param {boolean} isSideBySide */
  setSideBySide(isSideBySide) {
    if (this.#viewport.isSideBySide === isSideBySide) return;
    this.#change(() => {
      this.#viewport.isSideBySide = isSideBySide;
    });
  }

  /** Adapt to the size of the box. */
  resize() {
    const { clientWidth, clientHeight } = this.#canvas.parentElement ?? this.#canvas;
    const maxRatio = Math.sqrt(MAX_PIXELS / Math.max(1, clientWidth * clientHeight));
    this.#change(() => {
      this.#viewport.pixelRatio = Math.min(devicePixelRatio, maxRatio);
      const [width, height] = [clientWidth, clientHeight].map((side) =>
        Math.max(1, Math.round(side * this.#viewport.pixelRatio)));
      setSize(this.#canvas, width, height);
      this.#viewport.canvas = { width: this.#canvas.width, height: this.#canvas.height };
    });
  }

  /** Change the panes; an image that was fitted stays fitted. @param {() => void} update */
  #change(update) {
    const { isFitted } = this.#viewport;
    update();
    if (isFitted) this.fit();
    else this.#move(() => this.#viewport.moveTo(this.#viewport.scale, this.#viewport.x, this.#viewport.y));
  }

  fit() {
    this.#move(() => this.#viewport.fit());
  }

  /** Zoom around a point of the window, or around the center. @param {number} scale @param {number} [clientX] @param {number} [clientY] */
  zoomTo(scale, clientX, clientY) {
    const isCentered = clientX === undefined || clientY === undefined;
    const at = isCentered ? this.#viewport : this.#pixelAt(clientX, clientY);
    this.#move(() => this.#viewport.zoomTo(scale, { x: at.x, y: at.y }), { draft: true });
  }

  /** Pan by CSS pixels. @param {number} dx @param {number} dy */
  panBy(dx, dy) {
    const { scale, x, y, pixelRatio } = this.#viewport;
    const step = pixelRatio / scale;
    this.#move(() => this.#viewport.moveTo(scale, x - dx * step, y - dy * step), { draft: true });
  }

  /** @param {() => void} update @param {{draft?: boolean}} [options] */
  #move(update, options) {
    if (!this.#image) return;
    update();
    this.#redraw(options);
    this.#onMove();
  }

  /** @param {number} clientX @param {number} clientY */
  #pixelAt(clientX, clientY) {
    const box = this.#canvas.getBoundingClientRect();
    return this.#viewport.pixelAt(clientX - box.left, clientY - box.top);
  }

  /**
   * @param {number} clientX
   * @param {number} clientY
   * @returns {?Point} of the image at a point of the window; null outside of it
   */
  pointAt(clientX, clientY) {
    if (!this.#image) return null;
    const pixel = this.#pixelAt(clientX, clientY);
    const { width, height } = this.#viewport.image;
    const point = { x: pixel.x / width, y: pixel.y / height };
    return [point.x, point.y].every((one) => one >= 0 && one <= 1) ? point : null;
  }

  /** @param {Point} point @returns {{left: number, top: number}} in CSS pixels of the box */
  pointOf({ x, y }) {
    const { width, height } = this.#viewport.image;
    return this.#viewport.pointOf(x * width, y * height);
  }

  /** The corner of the pane with the colored image, in CSS pixels of the box. */
  get corner() {
    const { second, pixelRatio } = this.#viewport;
    return { left: second.left / pixelRatio, top: second.top / pixelRatio };
  }

  /** The part of the box that the colored image covers. */
  get bounds() {
    const { image } = this.#viewport;
    const { clientWidth, clientHeight } = this.#canvas;
    const start = this.#viewport.pointOf(0, 0);
    const end = this.#viewport.pointOf(image.width, image.height);
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
    clearTimeout(this.#settleTimer);
    if (draft) this.#settleTimer = setTimeout(() => this.#redraw(), SETTLE_DELAY);
  }

  #draw() {
    this.#frame = 0;
    if (!this.#image) {
      this.#context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
      return;
    }
    const start = performance.now();
    const detail = this.#isDraft && this.#frameTime > SLOW_FRAME ? 0.5 : 1;
    const { pane } = this.#viewport;
    const [width, height] = [pane.width, pane.height].map((side) => Math.ceil(side * detail));
    const gray = this.#drawBefore(this.#image, width, height);
    if (this.#chroma) this.#drawColors(gray, this.#chroma);
    this.#compose();
    if (detail === 1) this.#frameTime = performance.now() - start;
    this.#canvas.dataset.drawn = this.#describeDrawn();
  }

  /** Describe what is on the canvas, for tests. */
  #describeDrawn() {
    if (!this.#chroma) return "before";
    return this.#isDraft || this.#fade.progress < 1 ? "draft" : "color";
  }

  /**
   * Draw the visible part of the image, and keep it in gray; neither depends on the colors.
   * @param {DecodedImage} image
   * @param {number} width
   * @param {number} height
   * @returns {ImageData} in gray
   */
  #drawBefore(image, width, height) {
    const part = this.#viewport.visible;
    const key = [part.left, part.top, part.width, part.height, width, height].join();
    if (this.#grayPart?.key === key) return this.#grayPart.pixels;
    setSize(this.#before.canvas, width, height);
    this.#drawPart(image, part, width / part.width, height / part.height);
    const pixels = this.#before.context.getImageData(0, 0, width, height);
    makeGray(pixels.data);
    this.#grayPart = { key, pixels };
    return pixels;
  }

  /**
   * @param {DecodedImage} image
   * @param {import("./viewport.js").Part} part
   * @param {number} scaleX
   * @param {number} scaleY
   */
  #drawPart({ full, view }, part, scaleX, scaleY) {
    const { context, canvas } = this.#before;
    const whole = this.#viewport.image;
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

  /** @param {ImageData} gray @param {Chroma} chroma */
  #drawColors(gray, chroma) {
    const { width, height } = gray;
    const { visible, image } = this.#viewport;
    const region = {
      x: visible.left / image.width,
      y: visible.top / image.height,
      width: visible.width / image.width,
      height: visible.height / image.height,
    };
    const pixels = new ImageData(width, height);
    paint(gray, chroma, region, pixels.data);
    setSize(this.#colored.canvas, width, height);
    this.#colored.context.putImageData(pixels, 0, 0);
  }

  /** Draw both images on the canvas. */
  #compose() {
    const context = this.#context;
    const { pane, second, isSideBySide } = this.#viewport;
    context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    this.#drawPane(this.#before.canvas, { left: 0, top: 0 });
    if (isSideBySide) this.#drawPane(this.#before.canvas, second);
    if (!this.#chroma) return;
    const from = isSideBySide ? 0 : Math.round(this.#split * pane.width);
    context.save();
    context.beginPath();
    context.rect(second.left + from, second.top, pane.width - from, pane.height);
    context.clip();
    if (this.#fade.progress === 1) context.clearRect(second.left, second.top, pane.width, pane.height);
    context.globalAlpha = this.#fade.progress;
    this.#drawPane(this.#colored.canvas, second);
    context.restore();
  }

  /** @param {HTMLCanvasElement} source @param {{left: number, top: number}} corner */
  #drawPane(source, { left, top }) {
    const { width, height } = this.#viewport.pane;
    this.#context.drawImage(source, left, top, width, height);
  }

  /** Draw the whole image in color on another canvas. @param {HTMLCanvasElement} canvas */
  drawWhole(canvas) {
    if (!this.#image) return;
    const { full } = this.#image;
    const scale = Math.min(1, Math.sqrt(MAX_PRINT_PIXELS / (full.width * full.height)));
    setSize(canvas, Math.round(full.width * scale), Math.round(full.height * scale));
    const context = contextOf(canvas, { willReadFrequently: true });
    context.imageSmoothingQuality = "high";
    context.drawImage(full, 0, 0, canvas.width, canvas.height);
    if (!this.#chroma) return;
    const gray = context.getImageData(0, 0, canvas.width, canvas.height);
    makeGray(gray.data);
    const pixels = new ImageData(canvas.width, canvas.height);
    paint(gray, this.#chroma, WHOLE, pixels.data);
    context.putImageData(pixels, 0, 0);
  }

  #startFade() {
    this.#fade = { start: performance.now(), progress: prefersReducedMotion() ? 1 : 0 };
    if (this.#fade.progress < 1) requestAnimationFrame((now) => this.#continueFade(now));
  }

  /** @param {number} now */
  #continueFade(now) {
    if (!this.#chroma || !this.#image) return;
    this.#fade.progress = clamp((now - this.#fade.start) / FADE_TIME, 0, 1);
    if (!this.#frame) this.#compose();
    if (this.#fade.progress < 1) requestAnimationFrame((later) => this.#continueFade(later));
    else this.#redraw();
  }
}

/** @param {HTMLCanvasElement} canvas @param {number} width @param {number} height */
function setSize(canvas, width, height) {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}
