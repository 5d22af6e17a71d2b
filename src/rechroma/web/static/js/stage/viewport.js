/**
 * The viewport: maps an image to its canvas, fitted, zoomed or panned, and once or side by side.
 *
 * Sizes are in canvas pixels. `scale` is canvas pixels per image pixel; `x` and `y` are the image
 * coordinates at the center.
 */

const MAX_UPSCALE = 3; // of a small image that fills its box
const MAX_ZOOM = 8;
const GAP = 8; // CSS pixels between images side by side
const STACK_GAIN = 1.4; // how much larger the images must become to be stacked instead

/** @typedef {{width: number, height: number}} Size */
/** @typedef {{left: number, top: number, width: number, height: number}} Part */

/** @param {number} value @param {number} low @param {number} high */
export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

export class Viewport {
  /** @type {Size} */
  canvas = { width: 1, height: 1 };
  /** @type {Size} */
  image = { width: 1, height: 1 };
  pixelRatio = 1;
  isSideBySide = false;
  scale = 1;
  x = 0;
  y = 0;

  /** @returns {Size} of one image's part of the canvas */
  get pane() {
    const { width, height } = this.canvas;
    if (!this.isSideBySide) return { width, height };
    const gap = GAP * this.pixelRatio;
    const beside = { width: Math.floor((width - gap) / 2), height };
    const below = { width, height: Math.floor((height - gap) / 2) };
    return this.#fitIn(below) > STACK_GAIN * this.#fitIn(beside) ? below : beside;
  }

  /** @param {Size} size */
  #fitIn({ width, height }) {
    return Math.min(width / this.image.width, height / this.image.height);
  }

  /** The corner of the pane with the colored image. */
  get second() {
    const { width, height } = this.pane;
    return { left: this.canvas.width - width, top: this.canvas.height - height };
  }

  get fitScale() {
    return Math.min(this.#fitIn(this.pane), MAX_UPSCALE * this.pixelRatio);
  }

  get isFitted() {
    return Math.abs(this.scale - this.fitScale) < 1e-6;
  }

  /** Whether the whole image is visible, so that it cannot be panned. */
  get isWhole() {
    return this.scale <= this.fitScale * 1.001;
  }

  fit() {
    this.moveTo(this.fitScale, this.image.width / 2, this.image.height / 2);
  }

  /**
   * Move to a point, limited by the edges of the image.
   * @param {number} scale
   * @param {number} x
   * @param {number} y
   */
  moveTo(scale, x, y) {
    const { width, height } = this.pane;
    this.scale = this.#clampScale(scale);
    this.x = clampCenter(x, width / this.scale, this.image.width);
    this.y = clampCenter(y, height / this.scale, this.image.height);
  }

  /** @param {number} scale */
  #clampScale(scale) {
    return clamp(scale, Math.min(this.fitScale, 1), Math.max(this.fitScale, MAX_ZOOM));
  }

  /** Zoom around a point of the image. @param {number} scale @param {{x: number, y: number}} at */
  zoomTo(scale, at) {
    const next = this.#clampScale(scale);
    const ratio = this.scale / next;
    this.moveTo(next, at.x + (this.x - at.x) * ratio, at.y + (this.y - at.y) * ratio);
  }

  /** @returns {Part} of the image that is visible, in image pixels; integers at 100 % */
  get visible() {
    const { width, height } = this.pane;
    /** @type {(value: number) => number} */
    const snap = this.scale === 1 ? Math.round : (value) => value;
    return {
      left: snap(this.x - width / 2 / this.scale),
      top: snap(this.y - height / 2 / this.scale),
      width: width / this.scale,
      height: height / this.scale,
    };
  }

  /**
   * Get the image coordinates of a point of the box, given in CSS pixels.
   * @param {number} left
   * @param {number} top
   */
  pixelAt(left, top) {
    const { second, visible } = this;
    const [x, y] = [left * this.pixelRatio, top * this.pixelRatio];
    const inSecond = x >= second.left && y >= second.top;
    return {
      x: visible.left + (x - (inSecond ? second.left : 0)) / this.scale,
      y: visible.top + (y - (inSecond ? second.top : 0)) / this.scale,
    };
  }

  /**
   * Get the point of the box, in CSS pixels, of coordinates of the colored image.
   * @param {number} x
   * @param {number} y
   */
  pointOf(x, y) {
    const { second, visible } = this;
    return {
      left: ((x - visible.left) * this.scale + second.left) / this.pixelRatio,
      top: ((y - visible.top) * this.scale + second.top) / this.pixelRatio,
    };
  }
}

/**
 * Clamp a center so that the image fills the pane, or center an image that is smaller.
 * @param {number} center
 * @param {number} visible
 * @param {number} whole
 */
function clampCenter(center, visible, whole) {
  if (visible >= whole) return whole / 2;
  return clamp(center, visible / 2, whole - visible / 2);
}
