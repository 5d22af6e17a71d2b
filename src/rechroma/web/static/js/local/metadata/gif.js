/** The frames of a GIF, of which the first is colored. */

const [EXTENSION, FRAME] = [0x21, 0x2c];
const HEADER = 13; // bytes
const DESCRIPTOR = 10; // bytes in front of a frame's color table
const FLAGS = 9; // their place in it

/** Count the frames. @param {Uint8Array} gif */
export function countFrames(gif) {
  let frames = 0;
  for (let at = HEADER + tableSize(gif[HEADER - 3]); at < gif.length;) {
    if (gif[at] === EXTENSION) at = skipBlocks(gif, at + 2);
    else if (gif[at] === FRAME) {
      frames++;
      at = skipBlocks(gif, at + DESCRIPTOR + tableSize(gif[at + FLAGS]) + 1);
    } else break;
  }
  return Math.max(frames, 1);
}

/** @param {number} flags that tell of a color table */
const tableSize = (flags) => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);

/** Skip blocks that begin with their length, up to an empty one. @param {Uint8Array} gif @param {number} at */
function skipBlocks(gif, at) {
  while (gif[at]) at += gif[at] + 1;
  return at + 1;
}
