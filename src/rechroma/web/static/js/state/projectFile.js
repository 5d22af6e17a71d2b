/** Project files: the model, adjustments and hints of several photographs, as `rechroma --project` reads. */

import { listHints, readHints } from "./hintFile.js";

const FORMAT = 1;

/** @typedef {import("./store.js").Edit} Edit */
/** @typedef {import("./store.js").Adjustments} Adjustments */
/** @typedef {{name: string, size: number, sha256?: string}} FileIdentity */
/** @typedef {FileIdentity & {edit: Edit}} ProjectImage */

/** A project of a newer version. */
export class VersionError extends Error {}

/** @param {ProjectImage[]} images @returns {string} JSON */
export const serializeProject = (images) => JSON.stringify({
  format: FORMAT,
  images: images.map(({ edit, ...file }) => ({ ...file, ...toFields(edit) })),
}, null, 2);

/**
 * @param {string} text
 * @param {Adjustments} defaults
 * @returns {ProjectImage[]}
 * @throws {VersionError} the project is of a newer version
 * @throws {Error} the text is not a project
 */
export function parseProject(text, defaults) {
  const { format, images } = JSON.parse(text);
  if (format > FORMAT && Array.isArray(images)) throw new VersionError();
  if (format !== FORMAT || !Array.isArray(images) || !images.every(isIdentity)) throw new Error("not a project");
  return images.map(({ name, size, sha256, ...fields }) => (
    { name, size, sha256, edit: fromFields(fields, defaults) }));
}

/** @param {Record<string, unknown>} value */
const isIdentity = ({ name, size, sha256 }) =>
  typeof name === "string" && typeof size === "number" && ["string", "undefined"].includes(typeof sha256);

/** Turn an edit into the fields of JSON; those that are undefined are left out. @param {Edit} edit */
export const toFields = ({ model, adjustments, hints }) =>
  ({ model: model || undefined, adjustments, hints: hints.length ? listHints(hints) : undefined });

/**
 * @param {any} fields by `toFields`, or by a user
 * @param {Adjustments} defaults of the adjustments that are missing
 * @returns {Edit}
 * @throws {Error} they are not fields of an edit
 */
export function fromFields({ model = "", adjustments = {}, hints = [] }, defaults) {
  const isKnown = Object.entries(adjustments).every(([name, value]) => name in defaults && Number.isFinite(value));
  if (typeof model !== "string" || !isKnown) throw new Error("not an edit");
  return { model, adjustments: { ...defaults, ...adjustments }, hints: readHints(hints) };
}
