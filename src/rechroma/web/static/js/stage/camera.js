/**
 * Where a picture lies on its canvas: fitted, zoomed or moved; alone, or twice side by side.
 *
 * Sizes are in pixels of the canvas. `scale` is how many of them a pixel of the picture takes, and
 * `x` and `y` say which pixel of the picture is in the middle.
 */

const MAX_UPSCALE = 3; // of a small picture, to fill its box
const MAX_ZOOM = 8;
const GAP = 8; // between pictures side by side, in CSS pixels
const STACK_GAIN = 1.4; // times as large, if one is below the other

/** @typedef {{width: number, height: number}} Size */
/** @typedef {{left: number, top: number, width: number, height: number}} Part */

export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

export class Camera {
  /** @type {Size} */
  canvas = { width: 1, height: 1 };
  /** @type {Size} */
  picture = { width: 1, height: 1 };
  pixelRatio = 1;
  isSide = false;
  scale = 1;
  x = 0;
  y = 0;

  /** @returns {Size} of one of the pictures on the canvas */
  get pane() {
    const { width, height } = this.canvas;
    if (!this.isSide) return { width, height };
    const gap = GAP * this.pixelRatio;
    const beside = { width: Math.floor((width - gap) / 2), height };
    const below = { width, height: Math.floor((height - gap) / 2) };
    return this.#fitIn(below) > STACK_GAIN * this.#fitIn(beside) ? below : beside;
  }

  #fitIn({ width, height }) {
    return Math.min(width / this.picture.width, height / this.picture.height);
  }

  /** Where the picture in color begins. */
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

  /** Whether the whole picture is seen, so that there is nowhere to move it. */
  get isWhole() {
    return this.scale <= this.fitScale * 1.001;
  }

  fit() {
    this.moveTo(this.fitScale, this.picture.width / 2, this.picture.height / 2);
  }

  /** Look at a place; never past the picture's edges. */
  moveTo(scale, x, y) {
    const { width, height } = this.pane;
    this.scale = this.#allowed(scale);
    this.x = clampCenter(x, width / this.scale, this.picture.width);
    this.y = clampCenter(y, height / this.scale, this.picture.height);
  }

  #allowed(scale) {
    return clamp(scale, Math.min(this.fitScale, 1), Math.max(this.fitScale, MAX_ZOOM));
  }

  /** Zoom; the pixel of the picture at `at` stays where it is. */
  zoomTo(wanted, at) {
    const scale = this.#allowed(wanted);
    const share = this.scale / scale;
    this.moveTo(scale, at.x + (this.x - at.x) * share, at.y + (this.y - at.y) * share);
  }

  /** @returns {Part} of the picture that a pane shows, in its pixels; whole ones at 100 % */
  get seen() {
    const { width, height } = this.pane;
    const snap = this.scale === 1 ? Math.round : (value) => value;
    return {
      left: snap(this.x - width / 2 / this.scale),
      top: snap(this.y - height / 2 / this.scale),
      width: width / this.scale,
      height: height / this.scale,
    };
  }

  /** The pixel of the picture at a point of the box, in CSS pixels. */
  pixelAt(left, top) {
    const { second, seen } = this;
    const [x, y] = [left * this.pixelRatio, top * this.pixelRatio];
    const inSecond = x >= second.left && y >= second.top;
    return {
      x: seen.left + (x - (inSecond ? second.left : 0)) / this.scale,
      y: seen.top + (y - (inSecond ? second.top : 0)) / this.scale,
    };
  }

  /** The point of the box, in CSS pixels, where a pixel of the picture in color is. */
  pointOf(x, y) {
    const { second, seen } = this;
    return {
      left: ((x - seen.left) * this.scale + second.left) / this.pixelRatio,
      top: ((y - seen.top) * this.scale + second.top) / this.pixelRatio,
    };
  }
}

/** The middle of what is seen, so that the picture fills the pane or stands in its middle. */
function clampCenter(middle, seen, whole) {
  if (seen >= whole) return whole / 2;
  return clamp(middle, seen / 2, whole - seen / 2);
}
