// BLAKE2b with a digest of 16 bytes (RFC 7693), the checksum of model files. Browsers and
// Node have no hash with this digest. A number of 64 bits is two of 32: low, high.

import { mixRounds } from "./blake2b-round.js";

// prettier-ignore
const IV = Int32Array.of(
  0xf3bcc908, 0x6a09e667, 0x84caa73b, 0xbb67ae85, 0xfe94f82b, 0x3c6ef372, 0x5f1d36f1,
  0xa54ff53a, 0xade682d1, 0x510e527f, 0x2b3e6c1f, 0x9b05688c, 0xfb41bd6b, 0x1f83d9ab,
  0x137e2179, 0x5be0cd19,
);
// Order of the words of a block in each round: two words for each of eight mixings.
// prettier-ignore
const SIGMA = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
  [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
  [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
  [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
  [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
  [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
  [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
  [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
  [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
  [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];
const N_ROUNDS = 12;
const BLOCK = 128;
const CHUNK = 512 * BLOCK;
const DIGEST = 16;
// Places of the low halves of the words, round by round.
const ORDER = Uint8Array.from(
  Array.from({ length: N_ROUNDS }, (_, round) =>
    SIGMA[round % SIGMA.length].map((word) => 2 * word),
  ).flat(),
);

/** The digest of the bytes of all parts, as 32 hexadecimal digits. */
export function blake2b(...parts) {
  const state = IV.slice();
  state[0] ^= 0x01010000 ^ DIGEST;
  const work = new Int32Array(32);
  // Parts may begin anywhere, so their bytes are copied, many blocks at a time.
  const bytes = new Uint8Array(CHUNK);
  const words = new Int32Array(bytes.buffer);
  let filled = 0;
  let total = 0;

  /** Compress all blocks but the last, which stays, even if it is full. */
  function compressChunk() {
    let begin = 0;
    for (; begin + BLOCK < filled; begin += BLOCK) {
      total += BLOCK;
      compress(state, work, words, begin / 4, total, false);
    }
    bytes.copyWithin(0, begin, filled);
    filled -= begin;
  }

  for (const part of parts) {
    for (let place = 0; place < part.length;) {
      if (filled === CHUNK) compressChunk();
      const length = Math.min(CHUNK - filled, part.length - place);
      bytes.set(part.subarray(place, place + length), filled);
      filled += length;
      place += length;
    }
  }
  compressChunk();
  bytes.fill(0, filled, BLOCK);
  compress(state, work, words, 0, total + filled, true);
  return hexadecimal(state);
}

function hexadecimal(state) {
  return Array.from(new Uint8Array(state.buffer, 0, DIGEST), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}

/** Mix one block into the state; total is the number of bytes up to its end. */
function compress(state, work, words, begin, total, isLast) {
  work.set(state);
  work.set(IV, 16);
  work[24] ^= total % 2 ** 32;
  work[25] ^= Math.floor(total / 2 ** 32);
  if (isLast) {
    work[28] = ~work[28];
    work[29] = ~work[29];
  }
  mixRounds(work, words, begin, ORDER);
  for (let i = 0; i < 16; i++) state[i] ^= work[i] ^ work[i + 16];
}
