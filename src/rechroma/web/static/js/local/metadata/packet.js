/** XMP packets as XML in one form: properties are elements, where RDF also allows attributes. */

export const RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
const XMLNS = "http://www.w3.org/2000/xmlns/";
const NOT_PROPERTIES = [RDF, XMLNS, "http://www.w3.org/XML/1998/namespace", null];
const MAX_BYTES = 4 << 20;
const EMPTY = `<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>`
  + `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="${RDF}"/></x:xmpmeta><?xpacket end="w"?>`;

/** Create a packet without properties. */
export const createPacket = () => new DOMParser().parseFromString(EMPTY, "application/xml");

/**
 * Parse a packet.
 * @param {Uint8Array} xmp
 * @returns {?XMLDocument} null if it is not well-formed, declares a document type or is huge
 */
export function parsePacket(xmp) {
  if (xmp.length > MAX_BYTES) return null;
  const text = decode(xmp).replace(/^[\0\ufeff \t\r\n]+|[\0\ufeff \t\r\n]+$/g, "");
  if (text.includes("<!DOCTYPE")) return null;
  const packet = new DOMParser().parseFromString(text, "application/xml");
  if (packet.querySelector("parsererror") || !packet.getElementsByTagNameNS(RDF, "RDF").length) return null;
  for (const element of listElements(rdfOf(packet))) expand(element);
  return packet;
}

/** @param {Uint8Array} xmp */
function decode(xmp) {
  const isWide = (xmp[0] === 0xfe && xmp[1] === 0xff) || (xmp[0] === 0xff && xmp[1] === 0xfe);
  return new TextDecoder(isWide ? (xmp[0] === 0xfe ? "utf-16be" : "utf-16le") : "utf-8").decode(xmp);
}

/** Serialize a packet in UTF-8. @param {XMLDocument} packet */
export const serializePacket = (packet) => new TextEncoder().encode(new XMLSerializer().serializeToString(packet));

/** Get the element that holds the descriptions of a packet. @param {XMLDocument} packet */
export const rdfOf = (packet) => packet.getElementsByTagNameNS(RDF, "RDF")[0];

/** List an element and all below it. @param {Element} root */
export const listElements = (root) => [root, ...root.getElementsByTagName("*")];

/** Append a description to a packet. @param {XMLDocument} packet */
export function addDescription(packet) {
  const rdf = rdfOf(packet);
  const prefix = rdf.prefix ? `${rdf.prefix}:` : "";
  const description = packet.createElementNS(RDF, `${prefix}Description`);
  if (prefix) description.setAttributeNS(RDF, `${prefix}about`, "");
  rdf.append(description);
  return description;
}

/** @param {Element} element */
export const textOf = (element) => (element.textContent ?? "").trim();

/** Turn the attributes of an element that are properties into elements. @param {Element} element */
function expand(element) {
  const properties = [...element.attributes].filter(({ namespaceURI }) => !NOT_PROPERTIES.includes(namespaceURI));
  if (!properties.length || element.hasAttributeNS(RDF, "resource")) return;
  const packet = /** @type {XMLDocument} */ (element.ownerDocument);
  if (element.namespaceURI !== RDF || element.localName !== "Description") {
    const { prefix } = rdfOf(packet);
    element.setAttributeNS(RDF, prefix ? `${prefix}:parseType` : "parseType", "Resource");
  }
  for (const attribute of properties) {
    const child = packet.createElementNS(attribute.namespaceURI, attribute.name);
    child.textContent = attribute.value;
    element.removeAttributeNode(attribute);
    element.append(child);
  }
}
