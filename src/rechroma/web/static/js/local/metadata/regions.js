/** Regions in XMP, such as faces with names, turned with the picture (`rechroma.imaging.metadata.regions`). */

import { turnBox, turnExtent } from "./orientation.js";
import { RDF, textOf } from "./packet.js";

/** Namespaces of regions, their dimensions, and an area. */
const LISTS = [
  [
    "http://www.metadataworkinggroup.com/schemas/regions/",
    "http://ns.adobe.com/xap/1.0/sType/Dimensions#",
    "http://ns.adobe.com/xmp/sType/Area#",
  ],
  ["http://ns.acdsee.com/regions/", "http://ns.acdsee.com/sType/Dimensions#", "http://ns.acdsee.com/sType/Area#"],
];
const MICROSOFT = "http://ns.microsoft.com/photo/1.2/t/Region#";
const IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/";
const EXIF = "http://ns.adobe.com/exif/1.0/";

/** @typedef {import("./orientation.js").Size} Size */
/** @typedef {import("./orientation.js").Box} Box */

/**
 * Turn all regions of a packet upright; one that is damaged stays as it is.
 * @param {XMLDocument} packet
 * @param {Size} size of the upright image
 * @param {number} orientation of the source
 */
export function turnRegions(packet, size, orientation) {
  const stored = turnExtent(size, orientation);
  for (const [regionsNs, dimensionsNs, areaNs] of LISTS) {
    for (const regions of packet.getElementsByTagNameNS(regionsNs, "Regions")) {
      if (!turnDimensions(regions, dimensionsNs, size, orientation)) continue;
      const sides = readText(regions, areaNs, "unit") === "pixel" ? stored : unitSides();
      turnBoxes(regions, areaNs, ["x", "y", "w", "h"], sides, orientation);
    }
  }
  for (const boundary of packet.getElementsByTagNameNS(IPTC, "RegionBoundary")) {
    const isPixel = readText(boundary, IPTC, "rbUnit") === "pixel";
    const sides = isPixel ? stored : unitSides();
    turnBoxes(boundary, IPTC, ["rbX", "rbY", "rbW", "rbH"], sides, orientation, true);
    if (!isPixel) scaleRadius(boundary, stored[0] / size[0]);
  }
  for (const rectangle of packet.getElementsByTagNameNS(MICROSOFT, "Rectangle")) {
    const numbers = textOf(rectangle).split(",").map(readNumber);
    if (numbers.length !== 4 || numbers.some(Number.isNaN)) continue;
    const box = turnBox(/** @type {Box} */ (numbers), orientation, true);
    rectangle.textContent = box.map(format).join(", ");
  }
  for (const name of ["SubjectArea", "SubjectLocation"]) {
    for (const subject of packet.getElementsByTagNameNS(EXIF, name)) {
      turnPlace([...subject.getElementsByTagNameNS(RDF, "li")], stored, orientation);
    }
  }
}

/** @returns {Size} */
const unitSides = () => [1, 1];

/**
 * Turn the dimensions that regions apply to.
 * @param {Element} regions
 * @param {string} namespace
 * @param {Size} size
 * @param {number} orientation
 * @returns {boolean} false if they are those of the upright image
 */
function turnDimensions(regions, namespace, size, orientation) {
  const [across, down] = ["w", "h"].map((name) => regions.getElementsByTagNameNS(namespace, name)[0]);
  if (!across || !down) return true;
  const [width, height] = [across, down].map((element) => readNumber(textOf(element)));
  if (Number.isNaN(width) || Number.isNaN(height)) return true;
  const isTurned = orientation > 4 && size[0] !== size[1] && width > height === size[0] > size[1];
  if (isTurned) return false;
  const turned = turnExtent([width, height], orientation);
  [across.textContent, down.textContent] = turned.map(format);
  return true;
}

/**
 * @param {Element} root
 * @param {string} namespace
 * @param {string[]} names
 * @param {Size} sides
 * @param {number} orientation
 * @param {boolean} fromCorner
 */
function turnBoxes(root, namespace, names, sides, orientation, fromCorner = false) {
  for (const place of root.getElementsByTagNameNS(namespace, names[0])) {
    const around = [...(place.parentElement?.children ?? [])].filter(({ namespaceURI }) => namespaceURI === namespace);
    const parts = names.flatMap((name) => around.find(({ localName }) => localName === name) ?? []);
    turnPlace(parts, sides, orientation, fromCorner);
  }
}

/**
 * Turn a place, with a size if there are four parts; a third alone stays as it is.
 * @param {Element[]} parts
 * @param {Size} sides
 * @param {number} orientation
 * @param {boolean} fromCorner
 */
function turnPlace(parts, sides, orientation, fromCorner = false) {
  if (parts.length < 2) return;
  const used = parts.length === 4 ? parts : parts.slice(0, 2);
  const numbers = used.map((part, at) => readNumber(textOf(part)) / sides[at % 2]);
  if (numbers.some(Number.isNaN)) return;
  const [x, y, width = 0, height = 0] = numbers;
  const box = turnBox([x, y, width, height], orientation, fromCorner);
  const upright = turnExtent(sides, orientation);
  used.forEach((part, at) => {
    part.textContent = format(box[at] * upright[at % 2]);
  });
}

/** Scale the radius of a circle, which is a fraction of the width. @param {Element} boundary @param {number} factor */
function scaleRadius(boundary, factor) {
  for (const radius of boundary.getElementsByTagNameNS(IPTC, "rbRx")) {
    const number = readNumber(textOf(radius));
    if (!Number.isNaN(number)) radius.textContent = format(number * factor);
  }
}

/** @param {Element} root @param {string} namespace @param {string} name */
function readText(root, namespace, name) {
  const [element] = root.getElementsByTagNameNS(namespace, name);
  return element ? textOf(element) : "";
}

/** @param {string} text */
const readNumber = (text) => (text.trim() ? Number(text) : NaN);

/** @param {number} number */
const format = (number) => number.toFixed(6).replace(/\.?0+$/, "");
