/** A parser of server-sent events from a fetched body: unlike EventSource, fetch can send a key. */

/**
 * @param {ReadableStream<Uint8Array>} body
 * @yields {{event: string, data: any}} the data parsed as JSON
 */
export async function* readEvents(body) {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + decoder.decode(value, { stream: true })).split("\n\n");
    rest = blocks.pop() ?? "";
    yield* blocks.map(parseEvent).filter((event) => event !== null);
  }
}

/** @param {string} block @returns {?{event: string, data: any}} null for a comment */
function parseEvent(block) {
  /** @type {Record<string, string>} */
  const fields = {};
  for (const line of block.split("\n")) {
    const at = line.indexOf(": ");
    if (at > 0) fields[line.slice(0, at)] = line.slice(at + 2);
  }
  return fields.data ? { event: fields.event, data: JSON.parse(fields.data) } : null;
}
