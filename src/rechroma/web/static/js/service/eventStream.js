/** Server-sent events, read from a fetched body: so they can carry a key. */

/**
 * @param {ReadableStream<Uint8Array>} body
 * @yields {{event: string, data: any}} the data read as JSON
 */
export async function* readEvents(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    yield* blocks.map(parsed).filter(Boolean);
  }
}

/** @param {string} block @returns {?{event: string, data: any}} nothing for a mere comment */
function parsed(block) {
  const fields = {};
  for (const line of block.split("\n")) {
    const at = line.indexOf(": ");
    if (at > 0) fields[line.slice(0, at)] = line.slice(at + 2);
  }
  return fields.data ? { event: fields.event, data: JSON.parse(fields.data) } : null;
}
