// The terms of a model: from tokens to columns.
//
// A term is an n-gram: a path of tokens. A node is a token or an n-gram, and a step leads
// from a node, by one more token, to the next node. All steps are in one hash table.

import { damaged } from "./errors.js";

// Tokens that no term has, and places that no n-gram crosses. Words are 0 and above,
// n-grams are below BREAK.
export const UNKNOWN = -1;
export const BREAK = -2;
const FIRST_NGRAM = -3;
const NO_COLUMN = -1;

export class Terms {
  /**
   * @param terms strings, in the order of their columns.
   * @param firstColumn column of the first term.
   * @param split function that cuts a term into its tokens.
   * @param ngramRange least and greatest number of tokens of an n-gram.
   * @param wholeSegments whether a segment shorter than the shortest n-gram counts as a
   *   whole.
   * @param stopWords tokens that are left out; they get the first numbers.
   */
  constructor(terms, firstColumn, { split, ngramRange, wholeSegments, stopWords }) {
    [this.minN, this.maxN] = ngramRange;
    this.wholeSegments = wholeSegments;
    this.numbers = new Map();
    for (const word of stopWords) this.#add(word);
    this.nStopWords = this.numbers.size;
    const paths = terms.map(split);
    for (const path of paths) if (path.length === 1) this.#add(path[0]);
    // Words with smaller numbers are terms, or stop words.
    this.knownBelow = this.numbers.size;
    for (const path of paths) for (const word of path) this.#add(word);
    this.columns = new Int32Array(this.numbers.size).fill(NO_COLUMN);
    const nSteps = paths.reduce((sum, path) => sum + path.length - 1, 0);
    this.steps = new Steps(nSteps);
    paths.forEach((path, i) => this.#addPath(path, firstColumn + i));
  }

  #add(word) {
    if (!this.numbers.has(word)) this.numbers.set(word, this.numbers.size);
  }

  #addPath(path, column) {
    let node = this.numbers.get(path[0]);
    if (path.length === 1) {
      this.columns[node] = column;
      return;
    }
    let slot;
    for (let i = 1; i < path.length; i++) {
      slot = this.steps.add(node, this.numbers.get(path[i]));
      node = this.steps.next[slot];
    }
    this.steps.columns[slot] = column;
  }

  /** The number of a token; UNKNOWN if no term has it. */
  numberOf(token) {
    return this.numbers.get(token) ?? UNKNOWN;
  }

  /**
   * Call `found(column, place)` for each occurrence of a term. The place of an n-gram is
   * the place of its last token.
   */
  collect(tokens, found) {
    const { minN, maxN, columns, steps } = this;
    for (let i = 0; i < tokens.length; i++) {
      let node = tokens[i];
      if (node < 0) continue;
      if (minN === 1 && columns[node] >= 0) found(columns[node], i);
      const end = Math.min(i + maxN, tokens.length);
      for (let j = i + 1; j < end && tokens[j] >= 0; j++) {
        const slot = steps.find(node, tokens[j]);
        node = steps.next[slot];
        if (node === 0) break;
        if (j - i + 1 >= minN && steps.columns[slot] >= 0)
          found(steps.columns[slot], j);
      }
    }
    if (this.wholeSegments) this.#collectShortSegments(tokens, found);
  }

  /** Find segments that are shorter than the shortest n-gram, each as a whole. */
  #collectShortSegments(tokens, found) {
    let begin = 0;
    while (begin < tokens.length) {
      let end = begin;
      while (end < tokens.length && tokens[end] !== BREAK) end++;
      if (end > begin && end - begin < this.minN) {
        const column = this.#columnOf(tokens, begin, end);
        if (column >= 0) found(column, end - 1);
      }
      begin = end + 1;
    }
  }

  /** Column of one n-gram; NO_COLUMN if it is not a term. */
  #columnOf(tokens, begin, end) {
    let node = tokens[begin];
    if (node < 0) return NO_COLUMN;
    let column = this.columns[node];
    for (let i = begin + 1; i < end; i++) {
      if (tokens[i] < 0) return NO_COLUMN;
      const slot = this.steps.find(node, tokens[i]);
      node = this.steps.next[slot];
      if (node === 0) return NO_COLUMN;
      column = this.steps.columns[slot];
    }
    return column;
  }
}

/** A hash table of steps, with open addressing; at most half of its slots are used. */
class Steps {
  constructor(nSteps) {
    const nSlots = 2 ** Math.ceil(Math.log2(2 * nSteps + 2));
    this.last = nSlots - 1;
    this.nodes = new Int32Array(nSlots);
    this.tokens = new Int32Array(nSlots);
    // The node that a step leads to; 0: the slot is free.
    this.next = new Int32Array(nSlots);
    this.columns = new Int32Array(nSlots).fill(NO_COLUMN);
    this.nNodes = 0;
    // Random odd factors: nobody can choose steps that all have the same hash.
    this.nodeFactor = randomOdd();
    this.tokenFactor = randomOdd();
  }

  /** The slot of a step, or the free slot for it. */
  find(node, token) {
    let hash = Math.imul(node, this.nodeFactor) ^ Math.imul(token, this.tokenFactor);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    let slot = (hash ^ (hash >>> 13)) & this.last;
    while (
      this.next[slot] !== 0 &&
      (this.nodes[slot] !== node || this.tokens[slot] !== token)
    ) {
      slot = (slot + 1) & this.last;
    }
    return slot;
  }

  /** The slot of a step, which is made if it is new. */
  add(node, token) {
    const slot = this.find(node, token);
    if (this.next[slot] === 0) {
      this.nodes[slot] = node;
      this.tokens[slot] = token;
      this.next[slot] = FIRST_NGRAM - this.nNodes++;
    }
    return slot;
  }
}

function randomOdd() {
  return Math.floor(Math.random() * 2 ** 32) | 1;
}

/**
 * The terms of a model file as strings.
 *
 * @param bytes UTF-8 of all terms; a half of a surrogate pair takes three bytes.
 * @param offsets BigInt64Array with the begin of each term, and the end of the last.
 */
export function decodeTerms(bytes, offsets) {
  const bounds = Array.from(offsets, Number);
  const isAscending = bounds.every((bound, i) => i === 0 || bound >= bounds[i - 1]);
  if (
    bounds.length < 2 ||
    bounds[0] !== 0 ||
    bounds.at(-1) !== bytes.length ||
    !isAscending
  ) {
    throw damaged("the offsets of its terms do not fit");
  }
  const units = [];
  const terms = new Array(bounds.length - 1);
  for (let i = 0; i < terms.length; i++) {
    units.length = 0;
    decode(bytes, bounds[i], bounds[i + 1], units);
    terms[i] = stringOf(units);
  }
  return terms;
}

/** Add the UTF-16 units of some bytes. `TextDecoder` would refuse surrogates. */
function decode(bytes, begin, end, units) {
  for (let i = begin; i < end;) {
    const first = bytes[i++];
    if (first < 0x80) {
      units.push(first);
      continue;
    }
    const nMore = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    let code = first & (0x3f >> nMore);
    if (first < 0xc2 || first > 0xf4 || i + nMore > end) throw notUtf8();
    for (const stop = i + nMore; i < stop; i++) {
      if ((bytes[i] & 0xc0) !== 0x80) throw notUtf8();
      code = (code << 6) | (bytes[i] & 0x3f);
    }
    if (code < [0, 0x80, 0x800, 0x10000][nMore] || code > 0x10ffff) throw notUtf8();
    if (code > 0xffff) {
      units.push(0xd7c0 + (code >> 10), 0xdc00 + (code & 0x3ff));
    } else {
      units.push(code);
    }
  }
}

function notUtf8() {
  return damaged("a term is not UTF-8");
}

function stringOf(units) {
  // A call has a limited number of arguments.
  if (units.length < 10_000) return String.fromCharCode.apply(null, units);
  const parts = [];
  for (let i = 0; i < units.length; i += 10_000) {
    parts.push(String.fromCharCode.apply(null, units.slice(i, i + 10_000)));
  }
  return parts.join("");
}
