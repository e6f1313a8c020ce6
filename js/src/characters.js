// What Python knows about each character: its class, its lower case, its accents and the
// normal form of text. Classes come from a table, because JavaScript engines have other
// versions of Unicode, other white space, and another \w. Lower case and normal forms are
// the engine's: Unicode never changes them for a character that it has. Characters that
// this Python does not have yet stay as they are.

import { CLASSES, RUNS, SYMBOLS } from "./unicode-data.js";

// Classes of a character, as bits, in the order of NAMES in `make_unicode.py`.
export const WORD = 1; // \w
export const SPACE = 2; // \s
const CASED = 4; // Cased, and not Case_Ignorable
const IGNORABLE = 8; // Case_Ignorable
export const CLUSTER = 16; // a letter of a script without spaces
export const MARK = 32; // a mark that belongs to the letter before it
const FORMAT = 64; // left out by segmentation='unicode', such as a joiner
const COMBINING = 128; // an accent for strip_accents='unicode'
export const NONSPACING = 256; // the category Mn
const UNKNOWN = 512; // not a character in this version of Unicode

export const N_CODE_POINTS = 0x110000;
const CAPITAL_SIGMA = /\u03a3/g;
const FINAL_SIGMA = "\u03c2";
const NOT_ASCII = /[^\0-\x7f]/;

/** The class of each code point. */
export const classOf = unpackedClasses();

function unpackedClasses() {
  const classes = new Uint16Array(N_CODE_POINTS);
  let begin = 0;
  for (const [, length, symbol] of RUNS.matchAll(/([0-9a-z]*)([^0-9a-z])/g)) {
    const end = begin + (length === "" ? 1 : parseInt(length, 36));
    classes.fill(CLASSES[SYMBOLS.indexOf(symbol)], begin, end);
    begin = end;
  }
  return classes;
}

/** Whether all characters are ASCII. */
export function isAscii(text) {
  return !NOT_ASCII.test(text);
}

/** Text in the normal form NFC, by Python's version of Unicode. */
export function normalForm(text) {
  return normalized(text, "NFC");
}

/** Text in a normal form; unknown characters keep their place and part the others. */
export function normalized(text, form) {
  if (isAscii(text)) return text;
  let result = "";
  let begin = 0;
  for (let i = 0; i < text.length;) {
    const code = text.codePointAt(i);
    const end = i + (code > 0xffff ? 2 : 1);
    if (classOf[code] & UNKNOWN) {
      result += text.slice(begin, i).normalize(form) + text.slice(i, end);
      begin = end;
    }
    i = end;
  }
  return result + text.slice(begin).normalize(form);
}

/**
 * Make the function that prepares a document for words and characters.
 *
 * @param lowercase whether `str.lower` of Python is applied.
 * @param stripAccents "ascii", "unicode" or null, as in scikit-learn.
 * @param isUnicode whether the rules of `segmentation='unicode'` are applied: normal form,
 *   no format characters.
 */
export function textPreparation({ lowercase, stripAccents, isUnicode }) {
  // Each character has one replacement, so it is made once.
  const replacements = new Map();
  const changing = lowercase ? /[^\0-\x7f]|[A-Z]+/gu : /[^\0-\x7f]/gu;

  function replacementOf(part) {
    let replacement = replacements.get(part);
    if (replacement === undefined) {
      replacement = changed(part, lowercase, stripAccents, isUnicode);
      // A run of capitals may be any; a character is one of a million.
      if (part.length <= 2) replacements.set(part, replacement);
    }
    return replacement;
  }

  return (text) => {
    if (isAscii(text)) return lowercase ? text.toLowerCase() : text;
    let prepared = isUnicode ? normalForm(text) : text;
    if (lowercase) {
      prepared = prepared.replace(CAPITAL_SIGMA, (sigma, place, whole) =>
        isFinalSigma(whole, place) ? FINAL_SIGMA : sigma,
      );
    }
    return prepared.replace(changing, replacementOf);
  };
}

/** One character, or a run of ASCII capitals, in lower case and without accents. */
function changed(part, lowercase, stripAccents, isUnicode) {
  const kind = classOf[part.codePointAt(0)];
  if (isUnicode && kind & FORMAT) return "";
  if (kind & UNKNOWN) return stripAccents === "ascii" ? "" : part;
  const lower = lowercase ? part.toLowerCase() : part;
  if (stripAccents === null) return lower;
  const decomposed = Array.from(lower.normalize("NFKD"));
  const isKept =
    stripAccents === "ascii"
      ? (character) => isAscii(character)
      : (character) => !(classOf[character.codePointAt(0)] & COMBINING);
  return decomposed.filter(isKept).join("");
}

/** Whether the capital sigma at a place is final (Unicode, SpecialCasing). */
function isFinalSigma(text, place) {
  return (
    (neighbourClass(text, place, -1) & CASED) !== 0 &&
    (neighbourClass(text, place, 1) & CASED) === 0
  );
}

/** Class of the nearest character that is not ignorable; 0 if there is none. */
function neighbourClass(text, place, direction) {
  for (let i = place + direction; i >= 0 && i < text.length; i += direction) {
    const code = text.codePointAt(i);
    // The second half of a character: its first half comes next, or has been read.
    const before = text.charCodeAt(i - 1);
    if (code >= 0xdc00 && code <= 0xdfff && before >= 0xd800 && before <= 0xdbff) {
      continue;
    }
    if (!(classOf[code] & IGNORABLE)) return classOf[code];
  }
  return 0;
}
