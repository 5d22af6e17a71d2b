/**
 * XMP packets: made true of the result, and the provenance note that a model generated the colors,
 * as in `rechroma.imaging.metadata.xmp`.
 */

import { addDescription, createPacket, listElements, parsePacket, rdfOf, serializePacket, textOf } from "./packet.js";
import { toOrientation } from "./orientation.js";
import { turnRegions } from "./regions.js";

const SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia";
const IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/";
const TIFF = "http://ns.adobe.com/tiff/1.0/";
const EXIF = "http://ns.adobe.com/exif/1.0/";
const XMLNS = "http://www.w3.org/2000/xmlns/";

/** Properties that are not true of the result, by namespace and name. */
const UNTRUE = [
  // a clip, a depth map, a gain map or a thumbnail that the source had
  /^http:\/\/ns\.google\.com\/photos\/1\.0\/camera\/(MotionPhoto|MicroVideo)/,
  /^http:\/\/ns\.google\.com\/photos\/(1\.0\/(container|depthmap|image)|dd\/1\.0)\//,
  /^http:\/\/ns\.adobe\.com\/hdr-gain-map\//,
  /^http:\/\/ns\.apple\.com\/(HDRGainMap|HDRToneMap|pixeldatainfo|depthData)\//,
  /^http:\/\/ns\.adobe\.com\/xap\/1\.0\/Thumbnails$/,
  // how it stored its pixels
  /^http:\/\/ns\.adobe\.com\/tiff\/1\.0\/(BitsPerSample|Compression|PhotometricInterpretation|SamplesPerPixel)$/,
  /^http:\/\/ns\.adobe\.com\/tiff\/1\.0\/(PlanarConfiguration|YCbCr\w+)$/,
  /^http:\/\/ns\.adobe\.com\/exif\/1\.0\/CompressedBitsPerPixel$/,
  /^http:\/\/ns\.adobe\.com\/photoshop\/1\.0\/(ICCProfile|ColorMode)$/,
];
const SWAPPED = [ // in a picture that was turned on its side
  [TIFF, "XResolution", "YResolution"],
  [EXIF, "FocalPlaneXResolution", "FocalPlaneYResolution"],
];

/**
 * Read the orientation that a packet states, 1 (upright) to 8; null if it states none. Without a
 * parser, which workers do not have.
 * @param {?Uint8Array} xmp
 */
export function readXmpOrientation(xmp) {
  const stated = /tiff:Orientation(?:=["']|>)([0-9])/.exec(new TextDecoder().decode(xmp ?? undefined));
  return stated && toOrientation(Number(stated[1]));
}

/**
 * Make a packet true of an upright result in sRGB, and add the provenance note. A packet that cannot
 * be parsed is replaced: an honest note is worth more than data that no program can read.
 * @param {?Uint8Array} xmp
 * @param {import("./orientation.js").Size} size of the upright image
 * @param {number} orientation of the source
 */
export function createResultPacket(xmp, size, orientation) {
  const packet = (xmp && parsePacket(xmp)) ?? createPacket();
  for (const element of listElements(rdfOf(packet))) {
    if (UNTRUE.some((name) => name.test(`${element.namespaceURI}${element.localName}`))) element.remove();
  }
  setProperties(packet, size);
  if (orientation > 4) swapProperties(packet);
  turnRegions(packet, size, orientation);
  addProvenance(packet);
  return serializePacket(packet);
}

/** @param {XMLDocument} packet @param {import("./orientation.js").Size} size */
function setProperties(packet, [width, height]) {
  /** @type {[string, string, number][]} */
  const values = [
    [TIFF, "Orientation", 1], [TIFF, "ImageWidth", width], [TIFF, "ImageLength", height],
    [EXIF, "PixelXDimension", width], [EXIF, "PixelYDimension", height], [EXIF, "ColorSpace", 1],
  ];
  for (const [namespace, name, value] of values) {
    for (const element of packet.getElementsByTagNameNS(namespace, name)) element.textContent = String(value);
  }
}

/** @param {XMLDocument} packet */
function swapProperties(packet) {
  for (const [namespace, across, down] of SWAPPED) {
    const others = [...packet.getElementsByTagNameNS(namespace, down)];
    [...packet.getElementsByTagNameNS(namespace, across)].slice(0, others.length).forEach((one, at) => {
      [one.textContent, others[at].textContent] = [textOf(others[at]), textOf(one)];
    });
  }
}

/** @param {XMLDocument} packet */
function addProvenance(packet) {
  for (const old of [...packet.getElementsByTagNameNS(IPTC, "DigitalSourceType")]) old.remove();
  const description = addDescription(packet);
  description.setAttributeNS(XMLNS, "xmlns:Iptc4xmpExt", IPTC);
  description.setAttributeNS(IPTC, "Iptc4xmpExt:DigitalSourceType", SOURCE_TYPE);
}
