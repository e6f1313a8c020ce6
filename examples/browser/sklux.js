// The npm package sklux in one script. Made by `node js/bundle.mjs`; do not edit.

"use strict";

const sklux = (() => {
const modules = {};

modules["errors.js"] = (() => {
function damaged(how) {
  return new Error(
    `This is not a complete sklux model file: ${how}. Save the model again, or copy ` +
      "the file again.",
  );
}

function unsupported(part, remedy) {
  return new Error(`This package cannot use the model: ${part}. ${remedy}`);
}
return { damaged, unsupported };
})();

modules["unicode-data.js"] = (() => {
const UNICODE_VERSION = "14.0.0";

const CLASSES = [0, 1, 2, 4, 5, 8, 9, 17, 25, 32, 72, 160, 264, 296, 424, 512];

const SYMBOLS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ!#$%&()*+,-./:;<=>?@[]^_{|}~";
const RUNS =
  "9A5CeA5C6AF6AFAaBF6AqE3AFBFqEaACqAC7AFAE2AKAF2A2BFEA2FBEA3BAnEAvEA5fEB4E4B5sEBrEiG4FcGeF5G7FGFGhF27ONwO4EGF2E2PG3EAE4P2FEF3EPEPkEP2bEA3vEA5O2F4mEP12E2PG5AF15E2A2P3AP19OAOA2OA2OAO8PrB4P4BAFbP6KaAbOAK3AwBGaBlOaB4A2BO2rBAB7OKA6O2G2OA4OfB2ABeAPKBOuBrO2P2hBbNBeP17B9O2G4AG2PO2AmB4OG9OG3OG5O2PfAPpB3O2PAPbB5PoBF6BP2K6P8O15BGoOKtO3NJ1iBNJOB3J8N4JO2JB4O3NaB2N2AaBAGfBN2JP8B2P2B2PmBP7BPB3P4B2POB3J4N2P2J2P2JOB8PJ4P2BP3B2N2PcB2A6B2ABAO2P2NJP6B4P2B2PmBP7BP2BP2BP2B2POP3J2N4P2N2P2NO3PN7P4BPB7PaB2N3BNAaP2NJP9BP3BPmBP7BP2BP5B2POB3J5NP2NJP2JO2PBfP2B2N2PaB2A7PB6NPN2JP8B2P2B2PmBP7BP2BP5B2POBJNJ4N2P2J2P2JO7P2NJ4P2BP3B2N2PaBA7BaPNBP6B3P3BP4B3P2BPBP2B3P2B3P3B3PcB4P2JN2J3P3JP3JO2PB6PJePdB8A5PN3JN8BP3BPnBPgB2POB3N4JP3NP3NO7P2OP3B2PB2P2B2N2PaB7PA7BABN2JA8BP3BPnBPaBP5B2POBJN5JPN2JP2JNO7P2J6P2BP2B2N2PaBP2BdP2N2J9BP3BP15B2OB3J4NP3JP3JOBA4P3BJaB2N2PjBA6BPN2JPiB3PoBP9BPB2P7B3PO4P3J3NPNP8J6PaB2P2JAcP1cHN2H4N3O4PA6HIN4O3NAaB2A11P2HPHP5HPoHPHPaHN2H4N3O2NH2P5HPIP4O2N2PaB2P4HwPBnA2O6AkBAOAOAO4A2J8BP10B4P2ONO5N4ONJON3OA2O5BbNP10NP8AO6APdA11P17H2J4NJ5NOJ2O2J2NHaB6A6H2J2N4H3NH3J2H7J3H4NdHN2J2N6JOHJaB3JN2A12EPE5PE2P17EAG3E95BP4B2P7BPBP4B2P15BP4B2PxBP4B2P7BPBP4B2PfBP1lBP4B2P1vB2P3O9AkB3PgBaA6P2eE2P6E2PAh8B2AhBCqB2A3P23B3AbB7PiB2NOL9PjB2NL2A9PiB2NcPdBP3BP2NcP1gH2NJ7N8JN2J9NON3AI4AHO2PaB6PaB6PbA3MKMaB6PzBG1hB7P5B2NyBOB5P1yBaPvBP3N4J2N3J4P2JN6J3O4PA3P2AaBuH2P5HbP18H4PqH6PbB3PyAnB2O2JN2P2A1hHJNJ7NPOJN2J8N6J2N8O2POaB6PaB6P7AI6A2PeOFgO1dP4NJ1bBOJ5NJN5JNJL8B3PaBhA9ObAP2NJuBJ4N2J2NLO2N1kBOJ2N3JNJ3N2L8P4A10B8J8N2JNO3P5AaB3P17B6G2A9E7P17E2P3E8A8P3OAdOJ7O4BO6BO2BJ2OB5P18E1rGdEGyE11G1sO7qE2P6E2P12E2P6E2P8EPEPEPEPvE2P1hEP7EFE3F3EP7E3F4E2P6EP3FdE3F2P3EP7E2FPbCF4K8A2FaAF2AF2C5KC1bAC5KPaKBG2P6B5AGaB5APdG3PxAfPdO4FO3FcOfP2AE4AE2AaEAE3A5E6AEAEAEA4EA6E4BE2A4E5A5E4AEAgBwE3B2E5B2A4PifApPbAlP1oBqA1gDmBhiAuBrkA2PwAP2xA3gE2G2vE6A4E3O2E5P4AB2A12EPE5PE2P1kB7PGAePOnB9P7BP7BP7BP7BP7BP7BP7BP7BPwO1bAG1aAyPqAP2hAcP5yAqPcA4PC4AI2HpA9H4O2LA5I2A3HIH3AP2eH2P2O2F2IHA2iHA3IH5P17HP2mBP2A4BaAwH10AcPgHvAPaBuA8BAfBwAaB13AfB8wA534H1sAg74HlBGvrB3P1jA9P14B6G2A7gBG3AsBkP1aEBO3FAaOAGsE2G2O28B2O6A8PnF9G2F26EGnEG2F4EB1nE5P2EPEP5EoP3G2EB2GE7BN3BO4BNnB2J2NJ4AO3P6B4A6P1gB4A8P2J1eBgJON8P2AaB6PiO6B3ABA2BN12B5N3O2AnBbNJLbPAtB3P3NJ1bBO2J4N2J2N2JLdAPGaB4P2A5HNI9HaB5HP15B6N2J2N2J2N9P3BN8BNJ2PaB2P4AgHI6H3AHJNJ1eHOH3O2H2O5H2OHOHoP2HI2AbBJ2N2J2AB2GJOaP6B2P6B2P6B9P7BP7BP17EF4G9EG2F4P28EzB2JN2JN2JAJO2PaB6P8mcBcPnB4P1dB4P6ioAa6H2P2yH12P7EcP5E5PBOaBAdBP5BPBP2BP2BP30BhFgPa3BiA1sB2P1iB7PAwPcB4AgM3AF6A6PgOyAFPAFhAP4A4P5BP3rB2PKP6AF6AFAaBF6AqE3AFAFqEbAaHI19H2IvB3P6B2P6B2P6B2P3B3P3AF3AP7AaP3K2A2PcBPqBPjBP2BPfB2PeByP3fB5P3A4P19B3P9A1lBhA2B3APdA3PA1bP19AO3mPtB3P1dBfPOrB4P10B9PuB5P12B5O5PuBPA10B4P8BA5B16P28E26B2PaB6P10E4P10E4P14B8P1gBbPAbEPfEP7EP2EPbEPfEP7EP2E1vP8nB9PmBaP8BoP6GP16GP9G1xP6B2PBP18BP2B3PB2PnBPAvB2A12B8P9B1cPjBP2B5PxB3PAqB5PA1sP1kB4PkB2P1bB3NP2N5PNONO4BP3BPtB2P3O4PO9B7P9A7PvBAwBwP8BAsB2O4P5B7A9P1iB3P7AmB2PrB5PqB7P4AcP7B28P21B1jP1fEdP1fE7P16B4O8PaB86PvBP16BP2OA2P2B26P14B8PmBbO4B5AmPiB4O4A12PsBkPnB9PJNJ1hBeNO7A4PuBO2B2NB9PO2NJ19B3J4N2J2O2AK4ANaPK2PpB7PaB6P3O10B5NJ6N2OPaB4AB2JB8PzBO2AB9P2NJ1cB3J9NJL4B4ANO2NAJNbBAB3APkBbPiBPpB3J3N2JNLON6AN1tP7BPBP4BPfBPaBA6P1bBN3J6N2O5PaB6P2N2JP8B2P2B2PmBP7BP2BP5BP2OB2JN4J2P2J2P2JL2PB6PJ5P5B2J2P7O3P5O3vP1hB3J8N2JO2NJO4B5AaB2APAO3BuP1cB3J6NJN4J2NJ2O2BAB8PaB4mP1bB3J4N2P4J2NJ2OnA4B2NyP1cB3J8N2JNJON3ABbPaB6PdAjP17BNJN2J6NLOBA6PaB1iPrB2P3N2J4NJ4NO4PcB4A7B55P18B3J9NJ2OA2sP1sEjBcP8B2PB2P8BP2BPoB6JP2J2P2NLOBJBJO3A9PaB1yP8B2P13B3J4N2P2N4JOBABJrPBaN14BNO4NJB4N8AO8PB6N2J3N1aBdNJNO3AB5AdP21B7bP9BP11BJ7NP6NJOB5AaPtB3P2AuB2PmNPJ7NJ2NJ2N21P7BP2BP12B6N3PNP2NP3NON2OBN8PaB6P6BP2BPwB5JP2NP2JNJOB7PaB8mPjB2N2J2A53PBfPlBtAdPApmB2uP33BP5AbP5gB218P2pB2AdPtrBP9K347Pg7B6ntPftB7PvBPaB4P2A27BPaB6PuB2P5OAaP1cB7O9A4G2AaPaBP7BPlB5PjBj4P1sEnB4A2tP23B4PNB1jJ7P4NdG1sP2GAGNbP2LeP4qgB8PyeB16P9B6w7P4GP7GP2GP83H19P3HhP4H8Pb0B1s4P2zB5PdB3P9B7PaB2PANOA4K3mkP1aN2PnN9P38A1oP6uAaP13A2P1oA2L3O3A6L8K8O2A7OuA4O1pAlP1uA3OA4aPkBcP2fA9PpB3rP2dEP1zEP2E2PE2P2E2P4EPcEPEP7EP1tEP4E2P8EP7EPsEP4EP5EPE3P7EP9gE2PpEApEAvEApEAvEApEAvEApEAvEApEA8E2P1eBe8A1jN4A1eN8ANeAN7AfP5NPfNuoPaEBkE69P7OPhO2P7OP2OP5O5xP19B3P7O7G2PaB4PBA8wPuBOhP18B4OaB5PAyoP7BP4BP2BPfBP5hB2P9B7O15P1wE7OG4PaB4P2AltP1nBA3BA4B24P19BAfB5eP4BPrBP2BPB2PBPaBP4BPBPB6PB4PBPBPBP3BP2BPB2PBPBPBPBPBP2BPB2P4BP7BP4BP4BPBPaBPhB5P3BP5BPhB1gP2A7iP18A4P2sAcPfA2PfAPfAP11AaPdBzAqD6AqD6AqD10A1kPtAdP18A4P9A7P2AeP6A4aP6zA5Fk8A5PgA3PdA3P38AcP2hA7PcA4PAfPcA4P1kA8PaA6P14A8PuA2P2A26P9gAcPeA2P5A3P5A3P7A9PtA3PbA5P6AaPaA6P8A8P7A9P43AP1jA11PaBsmPwyoHwP37dH7P66H2P4g2HeP5rlH2e7Pf2H15uP3t7HfcfqPKuP2oK3kP6oM1e6oP1ekeA2P1ekeA2P";

const ENGLISH_STOP_WORDS =
  "a about above across after afterwards again against all almost alone along already also although always am among amongst amoungst amount an and another any anyhow anyone anything anyway anywhere are around as at back be became because become becomes becoming been before beforehand behind being below beside besides between beyond bill both bottom but by call can cannot cant co con could couldnt cry de describe detail do done down due during each eg eight either eleven else elsewhere empty enough etc even ever every everyone everything everywhere except few fifteen fifty fill find fire first five for former formerly forty found four from front full further get give go had has hasnt have he hence her here hereafter hereby herein hereupon hers herself him himself his how however hundred i ie if in inc indeed interest into is it its itself keep last latter latterly least less ltd made many may me meanwhile might mill mine more moreover most mostly move much must my myself name namely neither never nevertheless next nine no nobody none noone nor not nothing now nowhere of off often on once one only onto or other others otherwise our ours ourselves out over own part per perhaps please put rather re same see seem seemed seeming seems serious several she should show side since sincere six sixty so some somehow someone something sometime sometimes somewhere still such system take ten than that the their them themselves then thence there thereafter thereby therefore therein thereupon these they thick thin third this those though three through throughout thru thus to together too top toward towards twelve twenty two un under until up upon us very via was we well were what whatever when whence whenever where whereafter whereas whereby wherein whereupon wherever whether which while whither who whoever whole whom whose why will with within without would yet you your yours yourself yourselves";
return { UNICODE_VERSION, CLASSES, SYMBOLS, RUNS, ENGLISH_STOP_WORDS };
})();

modules["characters.js"] = (() => {
const { CLASSES, RUNS, SYMBOLS } = modules["unicode-data.js"];

const WORD = 1; // \w
const SPACE = 2; // \s
const CASED = 4; // Cased, and not Case_Ignorable
const IGNORABLE = 8; // Case_Ignorable
const CLUSTER = 16; // a letter of a script without spaces
const MARK = 32; // a mark that belongs to the letter before it
const FORMAT = 64; // left out by segmentation='unicode', such as a joiner
const COMBINING = 128; // an accent for strip_accents='unicode'
const NONSPACING = 256; // the category Mn
const UNKNOWN = 512; // not a character in this version of Unicode

const N_CODE_POINTS = 0x110000;
const CAPITAL_SIGMA = /\u03a3/g;
const FINAL_SIGMA = "\u03c2";
const NOT_ASCII = /[^\0-\x7f]/;

const classOf = unpackedClasses();

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

function isAscii(text) {
  return !NOT_ASCII.test(text);
}

function normalForm(text) {
  return normalized(text, "NFC");
}

function normalized(text, form) {
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

function textPreparation({ lowercase, stripAccents, isUnicode }) {
  const replacements = new Map();
  const changing = lowercase ? /[^\0-\x7f]|[A-Z]+/gu : /[^\0-\x7f]/gu;

  function replacementOf(part) {
    let replacement = replacements.get(part);
    if (replacement === undefined) {
      replacement = changed(part, lowercase, stripAccents, isUnicode);
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

function isFinalSigma(text, place) {
  return (
    (neighbourClass(text, place, -1) & CASED) !== 0 &&
    (neighbourClass(text, place, 1) & CASED) === 0
  );
}

function neighbourClass(text, place, direction) {
  for (let i = place + direction; i >= 0 && i < text.length; i += direction) {
    const code = text.codePointAt(i);
    const before = text.charCodeAt(i - 1);
    if (code >= 0xdc00 && code <= 0xdfff && before >= 0xd800 && before <= 0xdbff) {
      continue;
    }
    if (!(classOf[code] & IGNORABLE)) return classOf[code];
  }
  return 0;
}
return { WORD, SPACE, CLUSTER, MARK, NONSPACING, N_CODE_POINTS, classOf, isAscii, normalForm, normalized, textPreparation };
})();

modules["pieces.js"] = (() => {
const {
  NONSPACING,
  N_CODE_POINTS,
  classOf,
  isAscii,
  normalForm,
  normalized,
} = modules["characters.js"];
const { damaged, unsupported } = modules["errors.js"];

const SPACE = 2;
const PUNCTUATION = 4; // a word of its own
const ODD = 32; // its mapping depends on its neighbours
const CLUSTER = 64; // a letter of a script without spaces, a word with its marks
const MARK = 128;
const MAX_PIECES = 2 ** 24;
const ASCII_PUNCTUATION = /^[!-/:-@[-`{-~]/;
const MAX_KEPT = 100_000;

class Pieces {
  constructor(tokenizer, characters, isUnicode) {
    const { model, added } = checkedTokenizer(tokenizer, isUnicode);
    this.isUnicode = isUnicode;
    this.rules = new CharacterRules(characters);
    this.unknown = model.vocab.get(model.unk_token);
    this.maxCharacters = model.max_input_chars_per_word;
    this.names = [];
    for (const [name, id] of [...added, ...model.vocab]) this.names[id] = name;
    this.initial = new Map();
    this.continuing = new Map();
    const prefix = model.continuing_subword_prefix;
    for (const [name, id] of model.vocab) {
      if (name.startsWith(prefix)) {
        this.continuing.set(name.slice(prefix.length), id);
      } else {
        this.initial.set(name, id);
      }
    }
    this.longest = Math.max(longestOf(this.initial), longestOf(this.continuing));
    this.added = added;
    this.addedPattern = patternOf(added);
    this.kept = new Map();
  }

  ofDocument(text) {
    if (this.isUnicode) return this.ofText(normalForm(text));
    if (this.addedPattern === null) return this.ofText(this.#canonical(text));
    return text
      .split(this.addedPattern)
      .flatMap((part, i) =>
        i % 2 === 1 ? this.added.get(part) : this.ofText(this.#canonical(part)),
      );
  }

  ofText(text) {
    const words = this.rules.words(text);
    return words.length === 1 ? this.#ofWord(words[0]) : words.flatMap(this.#ofWord);
  }

  #ofWord = (word) => {
    let ids = this.kept.get(word);
    if (ids === undefined) {
      ids = this.#cut(word);
      if (this.kept.size >= MAX_KEPT) this.kept.clear();
      this.kept.set(word, ids);
    }
    return ids;
  };

  #cut(word) {
    const ids = [];
    const isLong = word.length > this.maxCharacters;
    if (isLong && Array.from(word).length > this.maxCharacters) return [this.unknown];
    for (let begin = 0; begin < word.length;) {
      const pieces = begin === 0 ? this.initial : this.continuing;
      let end = Math.min(word.length, begin + this.longest);
      while (end > begin && !pieces.has(word.slice(begin, end))) end--;
      if (end === begin) return [this.unknown];
      ids.push(pieces.get(word.slice(begin, end)));
      begin = end;
    }
    return ids;
  }

  #canonical(text) {
    if (isAscii(text)) return text;
    const { rules } = this;
    const characters = Array.from(text);
    const codes = characters.map((character) => character.codePointAt(0));
    if (!codes.some((code) => rules.classes[code] & ODD)) return text;
    if (rules.replacement(0xe9) === "\u00e9") return text;
    const isKept = (_, i) =>
      classOf[codes[i]] & NONSPACING || rules.replacement(codes[i]) !== "";
    return normalized(characters.filter(isKept).join(""), "NFD");
  }
}

class CharacterRules {
  constructor({ starts, rules, classes, offsets, code_points: codePoints }) {
    const bounds = Array.from(offsets, Number);
    this.classes = new Uint8Array(N_CODE_POINTS);
    this.shifts = new Int32Array(N_CODE_POINTS);
    this.texts = bounds
      .slice(1)
      .map((end, i) => textOf(codePoints.subarray(bounds[i], end)));
    if (starts.length !== rules.length || starts.length !== classes.length) {
      throw damaged("its table of characters does not fit together");
    }
    for (let i = 0; i < starts.length; i++) {
      const end = i + 1 < starts.length ? starts[i + 1] : N_CODE_POINTS;
      if (end <= starts[i] || (i === 0 && starts[0] !== 0)) {
        throw damaged("its table of characters does not fit together");
      }
      this.#checkRun(starts[i], end, rules[i]);
      this.shifts.fill(rules[i], starts[i], end);
      this.classes.fill(classes[i], starts[i], end);
    }
  }

  #checkRun(begin, end, shift) {
    const isText = shift < -N_CODE_POINTS;
    const fits = isText
      ? -1 - N_CODE_POINTS - shift < this.texts.length
      : begin + shift >= 0 && end + shift <= N_CODE_POINTS;
    if (!fits) throw damaged("its table of characters leads outside");
  }

  replacement(code) {
    const shift = this.shifts[code];
    return shift >= -N_CODE_POINTS
      ? String.fromCodePoint(code + shift)
      : this.texts[-1 - N_CODE_POINTS - shift];
  }

  words(text) {
    const words = [];
    let word = "";
    let inCluster = false; // only marks belong to the word
    const endWord = () => {
      if (word !== "") words.push(word);
      word = "";
      inCluster = false;
    };
    for (const original of text) {
      for (const character of this.replacement(original.codePointAt(0))) {
        const kind = this.classes[character.codePointAt(0)];
        if (kind & SPACE) {
          endWord();
        } else if (kind & PUNCTUATION) {
          endWord();
          words.push(character);
        } else {
          if (kind & CLUSTER || (inCluster && !(kind & MARK))) endWord();
          if (kind & CLUSTER) inCluster = true;
          word += character;
        }
      }
    }
    endWord();
    return words;
  }
}

function textOf(codePoints) {
  if (codePoints.some((code) => code >= N_CODE_POINTS)) {
    throw damaged("its table of characters leads outside");
  }
  return String.fromCodePoint(...codePoints);
}

function longestOf(pieces) {
  let longest = 0;
  for (const name of pieces.keys()) longest = Math.max(longest, name.length);
  return longest;
}

function patternOf(added) {
  const names = [...added.keys()].sort((a, b) => b.length - a.length);
  const escaped = names.map((name) => name.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return names.length ? new RegExp(`(${escaped.join("|")})`) : null;
}

function checkedTokenizer(tokenizer, isUnicode) {
  const model = tokenizer?.model;
  const vocab = new Map(Object.entries(model?.vocab ?? {}));
  const tokens = tokenizer?.added_tokens ?? [];
  if (model?.type !== "WordPiece" || !(isUnicode || isLikeBert(tokenizer, tokens))) {
    throw unsupported(
      "its word pieces come from a tokenizer that is not like BERT's",
      "Fit the model with tokenizer=None, which learns word pieces.",
    );
  }
  const added = new Map(tokens.map((token) => [token.content, token.id]));
  const ids = [...vocab.values(), ...added.values()];
  const isId = (id) => Number.isInteger(id) && id >= 0 && id < MAX_PIECES;
  if (
    !ids.every(isId) ||
    !vocab.has(model.unk_token) ||
    typeof model.continuing_subword_prefix !== "string" ||
    !Number.isInteger(model.max_input_chars_per_word)
  ) {
    throw damaged("its word pieces cannot be read");
  }
  return { model: { ...model, vocab }, added };
}

function isLikeBert({ model, normalizer, pre_tokenizer: cut }, tokens) {
  const prefix = model.continuing_subword_prefix;
  return (
    typeof prefix === "string" &&
    prefix.length > 1 &&
    ASCII_PUNCTUATION.test(prefix) &&
    normalizer?.type === "BertNormalizer" &&
    cut?.type === "BertPreTokenizer" &&
    tokens.every(
      (token) =>
        !(token.single_word || token.lstrip || token.rstrip || token.normalized) &&
        ASCII_PUNCTUATION.test(token.content),
    )
  );
}
return { Pieces };
})();

modules["settings.js"] = (() => {
const { damaged, unsupported } = modules["errors.js"];
const { ENGLISH_STOP_WORDS } = modules["unicode-data.js"];

const CLASSES = ["LexicalVectorizer", "TfidfVectorizer", "CountVectorizer"];
const WITHOUT_EFFECT = [
  "encoding",
  "decode_error",
  "max_df",
  "min_df",
  "max_features",
  "vocabulary",
  "dtype",
  "smooth_idf",
  "n_subwords",
  "null_documents",
  "n_jobs",
  "tokenizer",
];
const isText = (value) => typeof value === "string";
const isSwitch = (value) => typeof value === "boolean" || value === 0 || value === 1;
const isAbove = (least) => (value) => Number.isFinite(value) && value > least;
const SUPPORTED = {
  input: ["content"],
  analyzer: ["word", "char", "char_wb", "subword", "word+subword"],
  preprocessor: [null],
  strip_accents: ["ascii", "unicode", null],
  lowercase: isSwitch,
  token_pattern: (value) => value === null || isText(value),
  segmentation: ["regex", "unicode"],
  stop_words: (value) =>
    value === null ||
    value === "english" ||
    (Array.isArray(value) && value.every(isText)),
  ngram_range: (value) =>
    Array.isArray(value) &&
    value.length === 2 &&
    value.every(Number.isInteger) &&
    1 <= value[0] &&
    value[0] <= value[1],
  binary: isSwitch,
  norm: ["l1", "l2", null],
  use_idf: isSwitch,
  sublinear_tf: isSwitch,
  subwords_of: ["all", "unknown"],
  position_weight: (value) => value === "auto" || value === 0 || isAbove(0)(value),
  position_decay: isAbove(0),
};
const REQUIRED = [
  "analyzer",
  "ngram_range",
  "lowercase",
  "strip_accents",
  "token_pattern",
  "tokenizer",
  "binary",
];
const RUN_OF_WORD_CHARACTERS =
  /^(?:\(\?u\))?(?:\\b)?((?:\\w)*)\\w(?:\+|\{([1-9][0-9]?),\})(?:\\b)?$/;

function lexicalSettings(state) {
  const { class: kind, params } = state ?? {};
  if (typeof kind !== "string" || typeof params !== "object" || params === null) {
    throw damaged("its lexical stage cannot be read");
  }
  if (!CLASSES.includes(kind)) {
    throw unsupported(
      `its lexical stage is a ${kind}`,
      `This version reads ${CLASSES.join(", ")}. Upgrade the npm package sklux.`,
    );
  }
  for (const [name, value] of Object.entries(params)) checkParameter(name, value);
  for (const name of REQUIRED) {
    if (!(name in params)) throw damaged(`it lacks the parameter ${name}`);
  }
  refuseWordTokenizer(params);
  const { analyzer } = params;
  const isOfWords = analyzer === "word" || analyzer === "word+subword";
  const weight = params.position_weight ?? 0;
  return {
    analyzer,
    hasPieces: analyzer === "subword" || analyzer === "word+subword",
    lowercase: Boolean(params.lowercase),
    stripAccents: params.strip_accents,
    isUnicode: params.segmentation === "unicode",
    minLength: isOfWords ? leastLength(params.token_pattern) : 1,
    stopWords: isOfWords ? stopWordsOf(params.stop_words) : [],
    ngramRange: params.ngram_range,
    readsRest: analyzer === "word+subword" && params.subwords_of === "unknown",
    piecesAreUnicode: params.segmentation === "unicode" && params.tokenizer === null,
    binary: Boolean(params.binary),
    sublinear: Boolean(params.sublinear_tf),
    usesIdf: Boolean(params.use_idf),
    norm: params.norm ?? null,
    profile: profileOf(weight === "auto" ? 0 : weight, params.position_decay),
  };
}

function checkParameter(name, value) {
  if (WITHOUT_EFFECT.includes(name)) return;
  if (!Object.hasOwn(SUPPORTED, name)) {
    throw unsupported(
      `its lexical stage has the parameter ${name}, which this version does not have`,
      "Upgrade the npm package sklux.",
    );
  }
  const supported = SUPPORTED[name];
  const fits = Array.isArray(supported) ? supported.includes(value) : supported(value);
  if (!fits) {
    const remedy = Array.isArray(supported)
      ? `Fit it with ${supported.map((one) => JSON.stringify(one)).join(" or ")}.`
      : "Fit it with the default value.";
    throw unsupported(`its lexical stage has ${name}=${JSON.stringify(value)}`, remedy);
  }
}

function refuseWordTokenizer({ analyzer, tokenizer }) {
  if (analyzer === "word" && tokenizer !== null) {
    throw unsupported(
      "its lexical stage has a tokenizer that cuts text into words",
      "Fit it with tokenizer=None.",
    );
  }
}

function leastLength(pattern) {
  const match = RUN_OF_WORD_CHARACTERS.exec(pattern ?? "");
  if (match === null) {
    throw unsupported(
      `its lexical stage has token_pattern=${JSON.stringify(pattern)}, which is not a ` +
        "run of word characters",
      String.raw`Fit it with a pattern such as r"(?u)\b\w+\b".`,
    );
  }
  return match[1].length / 2 + Number(match[2] ?? 1);
}

function stopWordsOf(value) {
  return value === "english" ? ENGLISH_STOP_WORDS.split(" ") : (value ?? []);
}

function profileOf(weight, decay) {
  if (weight === 0) return new Float64Array(0);
  if (!isAbove(0)(decay)) throw damaged("it lacks the parameter position_decay");
  return Float64Array.from(
    { length: Math.floor(20 * decay) + 1 },
    (_, place) => weight * Math.exp(-place / decay),
  );
}
return { lexicalSettings };
})();

modules["terms.js"] = (() => {
const { damaged } = modules["errors.js"];

const UNKNOWN = -1;
const BREAK = -2;
const FIRST_NGRAM = -3;
const NO_COLUMN = -1;

class Terms {
  constructor(terms, firstColumn, { split, ngramRange, wholeSegments, stopWords }) {
    [this.minN, this.maxN] = ngramRange;
    this.wholeSegments = wholeSegments;
    this.numbers = new Map();
    for (const word of stopWords) this.#add(word);
    this.nStopWords = this.numbers.size;
    const paths = terms.map(split);
    for (const path of paths) if (path.length === 1) this.#add(path[0]);
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

  numberOf(token) {
    return this.numbers.get(token) ?? UNKNOWN;
  }

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

class Steps {
  constructor(nSteps) {
    const nSlots = 2 ** Math.ceil(Math.log2(2 * nSteps + 2));
    this.last = nSlots - 1;
    this.nodes = new Int32Array(nSlots);
    this.tokens = new Int32Array(nSlots);
    this.next = new Int32Array(nSlots);
    this.columns = new Int32Array(nSlots).fill(NO_COLUMN);
    this.nNodes = 0;
  }

  find(node, token) {
    let hash = Math.imul(node, 0x9e3779b1) ^ Math.imul(token, 0x85ebca77);
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

function decodeTerms(bytes, offsets) {
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
  if (units.length < 10_000) return String.fromCharCode.apply(null, units);
  const parts = [];
  for (let i = 0; i < units.length; i += 10_000) {
    parts.push(String.fromCharCode.apply(null, units.slice(i, i + 10_000)));
  }
  return parts.join("");
}
return { UNKNOWN, BREAK, Terms, decodeTerms };
})();

modules["words.js"] = (() => {
const { CLUSTER, MARK, SPACE, WORD, classOf, textPreparation } = modules["characters.js"];
const { BREAK, UNKNOWN } = modules["terms.js"];

const EDGE = "\u2581";
const BLANK = " ";

function wordReader(settings, terms, rest) {
  const prepare = textPreparation(settings);
  const { minLength } = settings;
  const inWord = settings.isUnicode ? WORD | MARK : WORD;
  const clusterBit = settings.isUnicode ? CLUSTER : 0;
  const { nStopWords } = terms;
  const edge = terms.numberOf(EDGE);

  function addWord(word, nCharacters, tokens) {
    const place = tokens.length;
    let number = UNKNOWN;
    if (nCharacters >= minLength) {
      number = terms.numberOf(word);
      if (number === UNKNOWN || number >= nStopWords) tokens.push(number);
    }
    if (rest !== null && (number === UNKNOWN || number >= terms.knownBelow)) {
      rest.word(word, place);
    }
    return tokens.length > place;
  }

  function addEdge(tokens) {
    if (edge === UNKNOWN || edge >= nStopWords) tokens.push(edge);
  }

  return (document, tokens) => {
    const text = prepare(document);
    let inRun = false; // of letters of scripts without spaces
    let afterEdge = false; // no word has followed the last edge
    for (let begin = 0; begin < text.length;) {
      const code = text.codePointAt(begin);
      const kind = classOf[code];
      let end = begin + (code > 0xffff ? 2 : 1);
      const isCluster = (kind & clusterBit) !== 0;
      if (isCluster !== inRun) {
        if (!(isCluster && afterEdge)) {
          addEdge(tokens);
          afterEdge = true;
        }
        inRun = isCluster;
      }
      if (!(kind & inWord)) {
        if (rest !== null && code !== 0x20) {
          rest.character(text.slice(begin, end), tokens.length);
        }
      } else if (isCluster) {
        end = endOfRun(text, end, MARK, 0).end;
        if (addWord(text.slice(begin, end), Infinity, tokens)) afterEdge = false;
      } else {
        const run = endOfRun(text, end, inWord, clusterBit);
        end = run.end;
        const added = addWord(text.slice(begin, end), 1 + run.nCharacters, tokens);
        if (added) afterEdge = false;
      }
      begin = end;
    }
    if (inRun) addEdge(tokens);
  };
}

function endOfRun(text, begin, wanted, other) {
  let end = begin;
  let nCharacters = 0;
  while (end < text.length) {
    const code = text.codePointAt(end);
    if (!(classOf[code] & wanted) || classOf[code] & other) break;
    end += code > 0xffff ? 2 : 1;
    nCharacters++;
  }
  return { end, nCharacters };
}

function characterReader(settings, terms) {
  const prepare = textPreparation(settings);
  const { inWords } = settings;
  const blank = terms.numberOf(BLANK);

  return (document, tokens) => {
    const characters = Array.from(prepare(document));
    let inWord = false;
    const endWord = () => {
      if (inWord) tokens.push(blank, BREAK);
      inWord = false;
    };
    for (let i = 0; i < characters.length;) {
      if (!isSpace(characters[i])) {
        if (inWords && !inWord) tokens.push(blank);
        inWord = inWords;
        tokens.push(terms.numberOf(characters[i++]));
        continue;
      }
      const begin = i;
      while (i < characters.length && isSpace(characters[i])) i++;
      if (inWords) endWord();
      else tokens.push(i - begin > 1 ? blank : terms.numberOf(characters[begin]));
    }
    endWord();
  };
}

function isSpace(character) {
  return (classOf[character.codePointAt(0)] & SPACE) !== 0;
}
return { wordReader, characterReader };
})();

modules["lexical.js"] = (() => {
const { damaged } = modules["errors.js"];
const { Pieces } = modules["pieces.js"];
const { lexicalSettings } = modules["settings.js"];
const { Terms, UNKNOWN, decodeTerms } = modules["terms.js"];
const { characterReader, wordReader } = modules["words.js"];

const CHARACTERS = ["starts", "rules", "classes", "offsets", "code_points"];

async function readLexical(file) {
  const settings = lexicalSettings(file.state.lexical_);
  const bytes = await typed(file, "terms", "uint8");
  const offsets = await typed(file, "term_offsets", "int64");
  const terms = decodeTerms(bytes, offsets);
  const idf = settings.usesIdf ? await readIdf(file, terms.length) : null;
  const isMixed = settings.analyzer === "word+subword";
  if (
    file.has("n_pieces") !== isMixed ||
    file.has("tokenizer") !== settings.hasPieces
  ) {
    throw damaged("its word pieces are missing, or belong to another analyzer");
  }
  const nPieces = isMixed ? Number((await typed(file, "n_pieces", "int64"))[0]) : 0;
  if (!(nPieces >= 0 && nPieces <= terms.length)) {
    throw damaged("the parts of its terms do not fit");
  }
  const pieces = settings.hasPieces ? await readPieces(file, settings) : null;
  return new Lexical(settings, terms, nPieces, idf, pieces);
}

async function typed(file, name, ...dtypes) {
  const { dtype, shape, values } = await file.tensor(name);
  if (!dtypes.includes(dtype) || shape.length !== 1) {
    throw damaged(`the tensor '${name}' has another type or shape than it should`);
  }
  return values;
}

async function readIdf(file, nTerms) {
  const idf = await typed(file, "idf", "float32", "float64");
  if (idf.length !== nTerms) throw damaged("its idf does not fit its terms");
  if (!idf.every(Number.isFinite)) {
    throw new Error(
      "The idf of the model is infinite or NaN. Fit it with smooth_idf=True.",
    );
  }
  return idf;
}

async function readPieces(file, settings) {
  const text = await typed(file, "tokenizer", "uint8");
  let tokenizer;
  try {
    tokenizer = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(text));
  } catch {
    throw damaged("its word pieces cannot be read");
  }
  const characters = {};
  for (const name of CHARACTERS) {
    const tensor = `characters_${name}`;
    if (file.has(tensor)) characters[name] = (await file.tensor(tensor)).values;
  }
  return new Pieces(tokenizer, characters, settings.piecesAreUnicode);
}

class Lexical {
  constructor(settings, terms, nPieces, idf, pieces) {
    this.settings = settings;
    this.nColumns = terms.length;
    this.idf = idf;
    this.nFirst = nPieces;
    this.pieces = pieces;
    this.parts = this.#makeParts(terms, nPieces);
    this.columns = [];
    this.counts = [];
    this.extras = [];
    this.values = [];
    this.placeOf = new Int32Array(this.nColumns);
  }

  read(document) {
    for (const column of this.columns) this.placeOf[column] = 0;
    this.columns.length = this.counts.length = this.extras.length = 0;
    for (const collect of this.parts) collect(document);
    this.#weigh();
    return this;
  }

  #makeParts(terms, nPieces) {
    const { settings } = this;
    const { analyzer } = settings;
    if (analyzer === "subword") {
      return [this.#pieceCollector(terms, settings.ngramRange)];
    }
    if (analyzer !== "word+subword") {
      return [this.#wordCollector(this.#wordTerms(terms, 0), null)];
    }
    const words = this.#wordTerms(terms.slice(nPieces), nPieces);
    const pieceTerms = terms.slice(0, nPieces);
    if (settings.readsRest) {
      return [this.#wordCollector(words, this.#restReader(pieceTerms))];
    }
    return [this.#pieceCollector(pieceTerms, [1, 1]), this.#wordCollector(words, null)];
  }

  #wordTerms(terms, firstColumn) {
    const { analyzer, ngramRange, stopWords } = this.settings;
    const isOfCharacters = analyzer === "char" || analyzer === "char_wb";
    return new Terms(terms, firstColumn, {
      split: isOfCharacters ? charactersOf : (term) => term.split(" "),
      ngramRange,
      wholeSegments: analyzer === "char_wb",
      stopWords,
    });
  }

  #wordCollector(terms, rest) {
    const { settings } = this;
    const isOfCharacters = settings.analyzer.startsWith("char");
    const read = isOfCharacters
      ? characterReader(
          { ...settings, inWords: settings.analyzer === "char_wb" },
          terms,
        )
      : wordReader(settings, terms, rest);
    const tokens = [];
    return (document) => {
      tokens.length = 0;
      read(document, tokens);
      terms.collect(tokens, this.#add);
    };
  }

  #pieceCollector(terms, ngramRange) {
    const { pieces } = this;
    const index = new Terms(terms, 0, {
      split: ngramRange[1] === 1 ? (term) => [term] : (term) => term.split(" "),
      ngramRange,
      wholeSegments: false,
      stopWords: [],
    });
    const numbers = pieces.names.map((name) => index.numberOf(name));
    return (document) => {
      const tokens = pieces.ofDocument(document).map((id) => numbers[id] ?? UNKNOWN);
      index.collect(tokens, this.#add);
    };
  }

  #restReader(terms) {
    const { pieces } = this;
    const columns = new Map(terms.map((term, column) => [term, column]));
    const columnOf = pieces.names.map((name) => columns.get(name) ?? UNKNOWN);
    const add = (text, place) => {
      for (const id of pieces.ofText(text)) {
        if (columnOf[id] >= 0) this.#add(columnOf[id], place);
      }
    };
    return { word: add, character: add };
  }

  #add = (column, place) => {
    const { profile } = this.settings;
    let i = this.placeOf[column] - 1;
    if (i < 0) {
      i = this.columns.length;
      this.placeOf[column] = i + 1;
      this.columns.push(column);
      this.counts.push(0);
      this.extras.push(0);
    }
    this.counts[i]++;
    if (place < profile.length) this.extras[i] += profile[place];
  };

  #weigh() {
    const { columns, counts, extras, values, idf } = this;
    const { binary, sublinear } = this.settings;
    values.length = columns.length;
    for (let i = 0; i < columns.length; i++) {
      const tf = binary ? 1 : sublinear ? 1 + Math.log(counts[i]) : counts[i];
      const weight = idf === null ? 1 : idf[columns[i]];
      values[i] = tf * weight * (1 + extras[i] / counts[i]);
    }
    if (this.nFirst > 0 && this.settings.norm !== null) this.#balance();
  }

  #balance() {
    const { columns, values, nFirst } = this;
    const isL1 = this.settings.norm === "l1";
    let first = 0;
    let second = 0;
    for (let i = 0; i < values.length; i++) {
      const size = isL1 ? Math.abs(values[i]) : values[i] * values[i];
      if (columns[i] < nFirst) first += size;
      else second += size;
    }
    if (first === 0 || second === 0) return;
    const ratio = isL1 ? first / second : Math.sqrt(first / second);
    for (let i = 0; i < values.length; i++) {
      if (columns[i] >= nFirst) values[i] *= ratio;
    }
  }
}

function charactersOf(term) {
  return term === "" ? [""] : Array.from(term);
}
return { readLexical, Lexical };
})();

modules["blake2b-round.js"] = (() => {
function mixRounds(v, m, begin, order) {
  let l0 = v[0], h0 = v[1];
  let l1 = v[2], h1 = v[3];
  let l2 = v[4], h2 = v[5];
  let l3 = v[6], h3 = v[7];
  let l4 = v[8], h4 = v[9];
  let l5 = v[10], h5 = v[11];
  let l6 = v[12], h6 = v[13];
  let l7 = v[14], h7 = v[15];
  let l8 = v[16], h8 = v[17];
  let l9 = v[18], h9 = v[19];
  let l10 = v[20], h10 = v[21];
  let l11 = v[22], h11 = v[23];
  let l12 = v[24], h12 = v[25];
  let l13 = v[26], h13 = v[27];
  let l14 = v[28], h14 = v[29];
  let l15 = v[30], h15 = v[31];
  let t = 0, u = 0, x = 0;
  for (let place = 0; place < order.length; place += 16) {
    x = begin + order[place + 0];
    t = (l0 + l4) | 0;
    h0 = (h0 + h4 + (((l0 & l4) | ((l0 | l4) & ~t)) >>> 31)) | 0;
    u = m[x];
    l0 = (t + u) | 0;
    h0 = (h0 + m[x + 1] + (((t & u) | ((t | u) & ~l0)) >>> 31)) | 0;
    t = l12 ^ l0; l12 = h12 ^ h0; h12 = t;
    t = (l8 + l12) | 0;
    h8 = (h8 + h12 + (((l8 & l12) | ((l8 | l12) & ~t)) >>> 31)) | 0;
    l8 = t;
    t = l4 ^ l8; u = h4 ^ h8;
    l4 = (t >>> 24) | (u << 8); h4 = (u >>> 24) | (t << 8);
    x = begin + order[place + 1];
    t = (l0 + l4) | 0;
    h0 = (h0 + h4 + (((l0 & l4) | ((l0 | l4) & ~t)) >>> 31)) | 0;
    u = m[x];
    l0 = (t + u) | 0;
    h0 = (h0 + m[x + 1] + (((t & u) | ((t | u) & ~l0)) >>> 31)) | 0;
    t = l12 ^ l0; u = h12 ^ h0;
    l12 = (t >>> 16) | (u << 16); h12 = (u >>> 16) | (t << 16);
    t = (l8 + l12) | 0;
    h8 = (h8 + h12 + (((l8 & l12) | ((l8 | l12) & ~t)) >>> 31)) | 0;
    l8 = t;
    t = l4 ^ l8; u = h4 ^ h8;
    l4 = (t << 1) | (u >>> 31); h4 = (u << 1) | (t >>> 31);
    x = begin + order[place + 2];
    t = (l1 + l5) | 0;
    h1 = (h1 + h5 + (((l1 & l5) | ((l1 | l5) & ~t)) >>> 31)) | 0;
    u = m[x];
    l1 = (t + u) | 0;
    h1 = (h1 + m[x + 1] + (((t & u) | ((t | u) & ~l1)) >>> 31)) | 0;
    t = l13 ^ l1; l13 = h13 ^ h1; h13 = t;
    t = (l9 + l13) | 0;
    h9 = (h9 + h13 + (((l9 & l13) | ((l9 | l13) & ~t)) >>> 31)) | 0;
    l9 = t;
    t = l5 ^ l9; u = h5 ^ h9;
    l5 = (t >>> 24) | (u << 8); h5 = (u >>> 24) | (t << 8);
    x = begin + order[place + 3];
    t = (l1 + l5) | 0;
    h1 = (h1 + h5 + (((l1 & l5) | ((l1 | l5) & ~t)) >>> 31)) | 0;
    u = m[x];
    l1 = (t + u) | 0;
    h1 = (h1 + m[x + 1] + (((t & u) | ((t | u) & ~l1)) >>> 31)) | 0;
    t = l13 ^ l1; u = h13 ^ h1;
    l13 = (t >>> 16) | (u << 16); h13 = (u >>> 16) | (t << 16);
    t = (l9 + l13) | 0;
    h9 = (h9 + h13 + (((l9 & l13) | ((l9 | l13) & ~t)) >>> 31)) | 0;
    l9 = t;
    t = l5 ^ l9; u = h5 ^ h9;
    l5 = (t << 1) | (u >>> 31); h5 = (u << 1) | (t >>> 31);
    x = begin + order[place + 4];
    t = (l2 + l6) | 0;
    h2 = (h2 + h6 + (((l2 & l6) | ((l2 | l6) & ~t)) >>> 31)) | 0;
    u = m[x];
    l2 = (t + u) | 0;
    h2 = (h2 + m[x + 1] + (((t & u) | ((t | u) & ~l2)) >>> 31)) | 0;
    t = l14 ^ l2; l14 = h14 ^ h2; h14 = t;
    t = (l10 + l14) | 0;
    h10 = (h10 + h14 + (((l10 & l14) | ((l10 | l14) & ~t)) >>> 31)) | 0;
    l10 = t;
    t = l6 ^ l10; u = h6 ^ h10;
    l6 = (t >>> 24) | (u << 8); h6 = (u >>> 24) | (t << 8);
    x = begin + order[place + 5];
    t = (l2 + l6) | 0;
    h2 = (h2 + h6 + (((l2 & l6) | ((l2 | l6) & ~t)) >>> 31)) | 0;
    u = m[x];
    l2 = (t + u) | 0;
    h2 = (h2 + m[x + 1] + (((t & u) | ((t | u) & ~l2)) >>> 31)) | 0;
    t = l14 ^ l2; u = h14 ^ h2;
    l14 = (t >>> 16) | (u << 16); h14 = (u >>> 16) | (t << 16);
    t = (l10 + l14) | 0;
    h10 = (h10 + h14 + (((l10 & l14) | ((l10 | l14) & ~t)) >>> 31)) | 0;
    l10 = t;
    t = l6 ^ l10; u = h6 ^ h10;
    l6 = (t << 1) | (u >>> 31); h6 = (u << 1) | (t >>> 31);
    x = begin + order[place + 6];
    t = (l3 + l7) | 0;
    h3 = (h3 + h7 + (((l3 & l7) | ((l3 | l7) & ~t)) >>> 31)) | 0;
    u = m[x];
    l3 = (t + u) | 0;
    h3 = (h3 + m[x + 1] + (((t & u) | ((t | u) & ~l3)) >>> 31)) | 0;
    t = l15 ^ l3; l15 = h15 ^ h3; h15 = t;
    t = (l11 + l15) | 0;
    h11 = (h11 + h15 + (((l11 & l15) | ((l11 | l15) & ~t)) >>> 31)) | 0;
    l11 = t;
    t = l7 ^ l11; u = h7 ^ h11;
    l7 = (t >>> 24) | (u << 8); h7 = (u >>> 24) | (t << 8);
    x = begin + order[place + 7];
    t = (l3 + l7) | 0;
    h3 = (h3 + h7 + (((l3 & l7) | ((l3 | l7) & ~t)) >>> 31)) | 0;
    u = m[x];
    l3 = (t + u) | 0;
    h3 = (h3 + m[x + 1] + (((t & u) | ((t | u) & ~l3)) >>> 31)) | 0;
    t = l15 ^ l3; u = h15 ^ h3;
    l15 = (t >>> 16) | (u << 16); h15 = (u >>> 16) | (t << 16);
    t = (l11 + l15) | 0;
    h11 = (h11 + h15 + (((l11 & l15) | ((l11 | l15) & ~t)) >>> 31)) | 0;
    l11 = t;
    t = l7 ^ l11; u = h7 ^ h11;
    l7 = (t << 1) | (u >>> 31); h7 = (u << 1) | (t >>> 31);
    x = begin + order[place + 8];
    t = (l0 + l5) | 0;
    h0 = (h0 + h5 + (((l0 & l5) | ((l0 | l5) & ~t)) >>> 31)) | 0;
    u = m[x];
    l0 = (t + u) | 0;
    h0 = (h0 + m[x + 1] + (((t & u) | ((t | u) & ~l0)) >>> 31)) | 0;
    t = l15 ^ l0; l15 = h15 ^ h0; h15 = t;
    t = (l10 + l15) | 0;
    h10 = (h10 + h15 + (((l10 & l15) | ((l10 | l15) & ~t)) >>> 31)) | 0;
    l10 = t;
    t = l5 ^ l10; u = h5 ^ h10;
    l5 = (t >>> 24) | (u << 8); h5 = (u >>> 24) | (t << 8);
    x = begin + order[place + 9];
    t = (l0 + l5) | 0;
    h0 = (h0 + h5 + (((l0 & l5) | ((l0 | l5) & ~t)) >>> 31)) | 0;
    u = m[x];
    l0 = (t + u) | 0;
    h0 = (h0 + m[x + 1] + (((t & u) | ((t | u) & ~l0)) >>> 31)) | 0;
    t = l15 ^ l0; u = h15 ^ h0;
    l15 = (t >>> 16) | (u << 16); h15 = (u >>> 16) | (t << 16);
    t = (l10 + l15) | 0;
    h10 = (h10 + h15 + (((l10 & l15) | ((l10 | l15) & ~t)) >>> 31)) | 0;
    l10 = t;
    t = l5 ^ l10; u = h5 ^ h10;
    l5 = (t << 1) | (u >>> 31); h5 = (u << 1) | (t >>> 31);
    x = begin + order[place + 10];
    t = (l1 + l6) | 0;
    h1 = (h1 + h6 + (((l1 & l6) | ((l1 | l6) & ~t)) >>> 31)) | 0;
    u = m[x];
    l1 = (t + u) | 0;
    h1 = (h1 + m[x + 1] + (((t & u) | ((t | u) & ~l1)) >>> 31)) | 0;
    t = l12 ^ l1; l12 = h12 ^ h1; h12 = t;
    t = (l11 + l12) | 0;
    h11 = (h11 + h12 + (((l11 & l12) | ((l11 | l12) & ~t)) >>> 31)) | 0;
    l11 = t;
    t = l6 ^ l11; u = h6 ^ h11;
    l6 = (t >>> 24) | (u << 8); h6 = (u >>> 24) | (t << 8);
    x = begin + order[place + 11];
    t = (l1 + l6) | 0;
    h1 = (h1 + h6 + (((l1 & l6) | ((l1 | l6) & ~t)) >>> 31)) | 0;
    u = m[x];
    l1 = (t + u) | 0;
    h1 = (h1 + m[x + 1] + (((t & u) | ((t | u) & ~l1)) >>> 31)) | 0;
    t = l12 ^ l1; u = h12 ^ h1;
    l12 = (t >>> 16) | (u << 16); h12 = (u >>> 16) | (t << 16);
    t = (l11 + l12) | 0;
    h11 = (h11 + h12 + (((l11 & l12) | ((l11 | l12) & ~t)) >>> 31)) | 0;
    l11 = t;
    t = l6 ^ l11; u = h6 ^ h11;
    l6 = (t << 1) | (u >>> 31); h6 = (u << 1) | (t >>> 31);
    x = begin + order[place + 12];
    t = (l2 + l7) | 0;
    h2 = (h2 + h7 + (((l2 & l7) | ((l2 | l7) & ~t)) >>> 31)) | 0;
    u = m[x];
    l2 = (t + u) | 0;
    h2 = (h2 + m[x + 1] + (((t & u) | ((t | u) & ~l2)) >>> 31)) | 0;
    t = l13 ^ l2; l13 = h13 ^ h2; h13 = t;
    t = (l8 + l13) | 0;
    h8 = (h8 + h13 + (((l8 & l13) | ((l8 | l13) & ~t)) >>> 31)) | 0;
    l8 = t;
    t = l7 ^ l8; u = h7 ^ h8;
    l7 = (t >>> 24) | (u << 8); h7 = (u >>> 24) | (t << 8);
    x = begin + order[place + 13];
    t = (l2 + l7) | 0;
    h2 = (h2 + h7 + (((l2 & l7) | ((l2 | l7) & ~t)) >>> 31)) | 0;
    u = m[x];
    l2 = (t + u) | 0;
    h2 = (h2 + m[x + 1] + (((t & u) | ((t | u) & ~l2)) >>> 31)) | 0;
    t = l13 ^ l2; u = h13 ^ h2;
    l13 = (t >>> 16) | (u << 16); h13 = (u >>> 16) | (t << 16);
    t = (l8 + l13) | 0;
    h8 = (h8 + h13 + (((l8 & l13) | ((l8 | l13) & ~t)) >>> 31)) | 0;
    l8 = t;
    t = l7 ^ l8; u = h7 ^ h8;
    l7 = (t << 1) | (u >>> 31); h7 = (u << 1) | (t >>> 31);
    x = begin + order[place + 14];
    t = (l3 + l4) | 0;
    h3 = (h3 + h4 + (((l3 & l4) | ((l3 | l4) & ~t)) >>> 31)) | 0;
    u = m[x];
    l3 = (t + u) | 0;
    h3 = (h3 + m[x + 1] + (((t & u) | ((t | u) & ~l3)) >>> 31)) | 0;
    t = l14 ^ l3; l14 = h14 ^ h3; h14 = t;
    t = (l9 + l14) | 0;
    h9 = (h9 + h14 + (((l9 & l14) | ((l9 | l14) & ~t)) >>> 31)) | 0;
    l9 = t;
    t = l4 ^ l9; u = h4 ^ h9;
    l4 = (t >>> 24) | (u << 8); h4 = (u >>> 24) | (t << 8);
    x = begin + order[place + 15];
    t = (l3 + l4) | 0;
    h3 = (h3 + h4 + (((l3 & l4) | ((l3 | l4) & ~t)) >>> 31)) | 0;
    u = m[x];
    l3 = (t + u) | 0;
    h3 = (h3 + m[x + 1] + (((t & u) | ((t | u) & ~l3)) >>> 31)) | 0;
    t = l14 ^ l3; u = h14 ^ h3;
    l14 = (t >>> 16) | (u << 16); h14 = (u >>> 16) | (t << 16);
    t = (l9 + l14) | 0;
    h9 = (h9 + h14 + (((l9 & l14) | ((l9 | l14) & ~t)) >>> 31)) | 0;
    l9 = t;
    t = l4 ^ l9; u = h4 ^ h9;
    l4 = (t << 1) | (u >>> 31); h4 = (u << 1) | (t >>> 31);
  }
  v[0] = l0; v[1] = h0;
  v[2] = l1; v[3] = h1;
  v[4] = l2; v[5] = h2;
  v[6] = l3; v[7] = h3;
  v[8] = l4; v[9] = h4;
  v[10] = l5; v[11] = h5;
  v[12] = l6; v[13] = h6;
  v[14] = l7; v[15] = h7;
  v[16] = l8; v[17] = h8;
  v[18] = l9; v[19] = h9;
  v[20] = l10; v[21] = h10;
  v[22] = l11; v[23] = h11;
  v[24] = l12; v[25] = h12;
  v[26] = l13; v[27] = h13;
  v[28] = l14; v[29] = h14;
  v[30] = l15; v[31] = h15;
}
return { mixRounds };
})();

modules["blake2b.js"] = (() => {
const { mixRounds } = modules["blake2b-round.js"];

const IV = Int32Array.of(
  0xf3bcc908, 0x6a09e667, 0x84caa73b, 0xbb67ae85, 0xfe94f82b, 0x3c6ef372, 0x5f1d36f1,
  0xa54ff53a, 0xade682d1, 0x510e527f, 0x2b3e6c1f, 0x9b05688c, 0xfb41bd6b, 0x1f83d9ab,
  0x137e2179, 0x5be0cd19,
);
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
const ORDER = Uint8Array.from(
  Array.from({ length: N_ROUNDS }, (_, round) =>
    SIGMA[round % SIGMA.length].map((word) => 2 * word),
  ).flat(),
);

function blake2b(...parts) {
  const state = IV.slice();
  state[0] ^= 0x01010000 ^ DIGEST;
  const work = new Int32Array(32);
  const bytes = new Uint8Array(CHUNK);
  const words = new Int32Array(bytes.buffer);
  let filled = 0;
  let total = 0;

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
return { blake2b };
})();

modules["python-json.js"] = (() => {
const TOKEN =
  /\s*("(?:[^"\\]|\\.)*"|[{}[\],:]|-?Infinity|NaN|true|false|null|-?[0-9][0-9.eE+-]*)/y;
const WORDS = { true: true, false: false, null: null, NaN };

function parsePythonJson(text) {
  let place = 0;

  function next() {
    TOKEN.lastIndex = place;
    const match = TOKEN.exec(text);
    if (match === null) throw new SyntaxError(`no JSON at character ${place}`);
    place = TOKEN.lastIndex;
    return match[1];
  }

  function read(token) {
    if (token === "{") return readObject();
    if (token === "[") return readArray();
    return { value: scalar(token), sorted: token };
  }

  function readArray() {
    const items = [];
    let token = next();
    if (token !== "]") {
      for (items.push(read(token)); (token = next()) === ",";) items.push(read(next()));
      expect(token, "]");
    }
    return {
      value: items.map((item) => item.value),
      sorted: `[${items.map((item) => item.sorted).join(", ")}]`,
    };
  }

  function readObject() {
    const entries = [];
    let token = next();
    if (token !== "}") {
      do {
        const key = entries.length ? next() : token;
        expect(next(), ":");
        entries.push({ key, name: stringOf(key), ...read(next()) });
      } while ((token = next()) === ",");
      expect(token, "}");
    }
    const value = Object.create(null);
    const parts = Object.create(null);
    for (const entry of entries) {
      value[entry.name] = entry.value;
      parts[entry.name] = entry.sorted;
    }
    entries.sort((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
    const texts = entries.map((entry) => `${entry.key}: ${entry.sorted}`);
    return { value, parts, sorted: `{${texts.join(", ")}}` };
  }

  const result = read(next());
  if (text.slice(place).trim() !== "") throw new SyntaxError("text after the JSON");
  return result;
}

function scalar(token) {
  if (token[0] === '"') return stringOf(token);
  if (token in WORDS) return WORDS[token];
  const number = Number(token);
  if (Number.isNaN(number)) throw new SyntaxError(`${token} is not a number`);
  return number;
}

function stringOf(token) {
  if (token[0] !== '"') throw new SyntaxError(`${token} is not a string`);
  return JSON.parse(token);
}

function expect(token, wanted) {
  if (token !== wanted) throw new SyntaxError(`${token} instead of ${wanted}`);
}
return { parsePythonJson };
})();

modules["model-file.js"] = (() => {
const { blake2b } = modules["blake2b.js"];
const { damaged, unsupported } = modules["errors.js"];
const { parsePythonJson } = modules["python-json.js"];

const FORMAT_VERSION = 3;
const MAX_HEADER_BYTES = 100_000_000;
const METADATA_KEY = "sklux";
const TYPES = {
  BOOL: ["bool", Uint8Array],
  U8: ["uint8", Uint8Array],
  I8: ["int8", Int8Array],
  U16: ["uint16", Uint16Array],
  I16: ["int16", Int16Array],
  F16: ["float16", Uint16Array],
  U32: ["uint32", Uint32Array],
  I32: ["int32", Int32Array],
  F32: ["float32", Float32Array],
  U64: ["uint64", BigUint64Array],
  I64: ["int64", BigInt64Array],
  F64: ["float64", Float64Array],
};

async function readModelFile(source, verify) {
  const { header, start } = await readHeader(source);
  const { state, checksums } = readMetadata(header);
  const entries = new Map();
  let end = start;
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const tensor = checkedEntry(name, entry, start);
    if (tensor.end > source.size) throw damaged(`it ends inside '${name}'`);
    entries.set(name, tensor);
    end = Math.max(end, tensor.end);
  }
  if (end !== source.size) throw damaged("bytes follow its last tensor");

  async function tensor(name) {
    const entry = entries.get(name);
    if (entry === undefined) throw damaged(`the tensor '${name}' is missing`);
    const bytes = await source.read(entry.begin, entry.end);
    if (bytes.length !== entry.end - entry.begin) {
      throw damaged(`it ends inside '${name}'`);
    }
    if (verify) verifyTensor(name, entry, bytes, checksums[name]);
    return { dtype: entry.dtype, shape: entry.shape, values: valuesOf(entry, bytes) };
  }

  return { state, tensor, has: (name) => entries.has(name) };
}

async function readHeader(source) {
  const first = await source.read(0, Math.min(9, source.size));
  const length = first.length < 9 ? 0 : Number(view(first).getBigUint64(0, true));
  if (first[8] !== 0x7b || length > MAX_HEADER_BYTES) {
    throw new Error(
      "This is not a sklux model file. Give a file that `save` or `sklux fit` has " +
        "written.",
    );
  }
  const start = 8 + length;
  if (start > source.size) throw damaged("its header is longer than the file");
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(
      await source.read(8, start),
    );
    return { header: JSON.parse(text), start };
  } catch {
    throw damaged("its header is not JSON");
  }
}

function readMetadata(header) {
  const text = header.__metadata__?.[METADATA_KEY];
  if (typeof text !== "string") {
    throw new Error(
      "This is not a sklux model file, but a safetensors file of another library. Give " +
        "a file that `save` or `sklux fit` has written.",
    );
  }
  const { state, checksums, ...rest } = parsedMetadata(text);
  const version = rest.format_version;
  if (!Number.isInteger(version) || version < 1) {
    throw damaged(`its format version is ${version}`);
  }
  if (version > FORMAT_VERSION) {
    throw unsupported(
      `its format version is ${version}, and this version reads up to ${FORMAT_VERSION}`,
      "Upgrade the npm package sklux.",
    );
  }
  if (!isObject(state) || !isObject(checksums)) {
    throw damaged("its metadata is incomplete");
  }
  if (rest.state_checksum !== rest.checksumOfState) {
    throw damaged("the checksum of its metadata does not match");
  }
  return { state, checksums };
}

function parsedMetadata(text) {
  try {
    const { value, parts } = parsePythonJson(text);
    const state = new TextEncoder().encode(parts?.state ?? "");
    return { ...value, checksumOfState: blake2b(state) };
  } catch {
    throw damaged("its sklux metadata cannot be read");
  }
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function checkedEntry(name, entry, start) {
  const shape = entry?.shape;
  const offsets = entry?.data_offsets;
  const isCount = (n) => Number.isSafeInteger(n) && n >= 0;
  if (
    !Object.hasOwn(TYPES, entry?.dtype) ||
    !(Array.isArray(shape) && shape.every(isCount)) ||
    !(Array.isArray(offsets) && offsets.length === 2 && offsets.every(isCount))
  ) {
    throw damaged(`the entry of '${name}' cannot be read`);
  }
  const [dtype, ArrayType] = TYPES[entry.dtype];
  const [begin, end] = offsets;
  const nBytes = shape.reduce((product, size) => product * size, 1);
  if (end - begin !== nBytes * ArrayType.BYTES_PER_ELEMENT) {
    throw damaged(`the shape of '${name}' does not fit its offsets`);
  }
  return { dtype, ArrayType, shape, begin: start + begin, end: start + end };
}

function verifyTensor(name, { dtype, shape }, bytes, expected) {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const description = new TextEncoder().encode(`${dtype} (${sizes}) `);
  if (blake2b(description, bytes) !== expected) {
    throw damaged(`the checksum of '${name}' does not match`);
  }
}

function valuesOf({ ArrayType }, bytes) {
  const width = ArrayType.BYTES_PER_ELEMENT;
  const aligned = bytes.byteOffset % width === 0 ? bytes : bytes.slice();
  return new ArrayType(aligned.buffer, aligned.byteOffset, aligned.length / width);
}

function view(bytes) {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
return { readModelFile };
})();

modules["network.js"] = (() => {
const { damaged } = modules["errors.js"];

const LARGEST_WEIGHT = 1e20;
const ROW_DTYPES = ["float32", "float16", "int8"];

async function readNetwork(file, nColumns) {
  const {
    n_layers: nLayers,
    tied = false,
    has_places: hasPlaces = false,
  } = file.state.projection_ ?? {};
  if (
    !(Number.isInteger(nLayers) && nLayers >= 1) ||
    typeof tied !== "boolean" ||
    hasPlaces !== file.has("places")
  ) {
    throw damaged("its layers cannot be read");
  }
  const layers = [];
  for (let i = 0; i < nLayers; i++) {
    const layer = await file.tensor(`coefs.${i}`);
    checkLayer(layer, i === 0 ? ROW_DTYPES : ["float32"], layers.at(-1));
    layers.push(layer);
  }
  const rows = layers[0];
  const places = hasPlaces ? await file.tensor("places") : null;
  checkPlaces(places, rows.shape[0], nColumns);
  const scales = rows.dtype === "int8" ? await file.tensor("scales") : null;
  checkScales(scales, rows.shape[0]);
  const widths = layers.map((layer) => layer.shape[1]);
  if (tied && !(nLayers <= 3 && nLayers >= 2 && widths.at(-1) <= widths[0])) {
    throw damaged("its layers do not fit together");
  }
  return new Network(layers, places?.values ?? null, scales?.values ?? null, tied);
}

function checkLayer({ dtype, shape, values }, dtypes, before) {
  const fits = before === undefined || shape[0] === before.shape[1];
  if (!dtypes.includes(dtype) || shape.length !== 2 || !fits) {
    throw damaged("its layers do not fit together");
  }
  if (dtype === "float32") checkFinite(values);
  if (dtype === "float16" && values.some((bits) => (bits & 0x7c00) === 0x7c00)) {
    throw notFinite();
  }
}

function checkFinite(values) {
  if (!values.every((value) => Math.abs(value) <= LARGEST_WEIGHT)) throw notFinite();
}

function notFinite() {
  return new Error(
    "The weights of the model hold NaN, infinity or values beyond 1e20. Fit it again.",
  );
}

function checkPlaces(places, nRows, nColumns) {
  const fits =
    places === null
      ? nRows === nColumns
      : places.dtype === "uint32" &&
        places.values.length === nColumns &&
        places.values.every((place) => place < nRows);
  if (!fits) throw damaged("its weights do not fit its terms");
}

function checkScales(scales, nRows) {
  if (scales === null) return;
  if (scales.dtype !== "float32" || scales.values.length !== nRows) {
    throw damaged("the factors of its weights do not fit");
  }
  checkFinite(scales.values);
}

class Network {
  constructor([rows, ...dense], places, scales, tied) {
    this.rows = rows.values;
    const halves = rows.dtype === "float16" ? valuesOfHalves() : null;
    this.addFour = fourOf(this.rows, halves);
    this.places = places;
    this.scales = scales;
    this.tied = tied;
    this.dense = dense.map(({ values, shape }) => ({ values, width: shape[1] }));
    this.width = (dense.at(-1) ?? rows).shape[1];
    this.sums = new Float64Array(rows.shape[1]);
    this.hidden = this.dense.map(({ width }) => new Float64Array(width));
  }

  embed(terms, out) {
    this.#addRows(terms);
    out.set(this.tied ? this.#finishTied() : this.#finish());
  }

  #addRows({ columns, values }) {
    const { places, scales, sums, addFour } = this;
    const width = sums.length;
    const begins = [0, 0, 0, 0];
    const factors = [0, 0, 0, 0];
    sums.fill(0);
    for (let i = 0; i < columns.length; i += 4) {
      for (let k = 0; k < 4; k++) {
        const last = Math.min(i + k, columns.length - 1);
        const row = places === null ? columns[last] : places[columns[last]];
        const factor = scales === null ? values[last] : values[last] * scales[row];
        begins[k] = row * width;
        factors[k] = i + k === last ? factor : 0;
      }
      addFour(sums, begins, factors);
    }
  }

  #finish() {
    let hidden = this.sums;
    this.dense.forEach((layer, i) => {
      for (let j = 0; j < hidden.length; j++) hidden[j] = Math.max(hidden[j], 0);
      toUnitLength(hidden);
      hidden = multiplied(hidden, layer, this.hidden[i].fill(0));
    });
    return toUnitLength(hidden);
  }

  #finishTied() {
    const a = toUnitLength(this.sums);
    let hidden = a.map(Math.abs);
    const last = this.dense.length - 1;
    this.dense.forEach((layer, i) => {
      const start = this.hidden[i].fill(0);
      if (i === last) start.set(a.subarray(0, layer.width));
      hidden = multiplied(hidden, layer, start);
    });
    return toUnitLength(hidden);
  }
}

function fourOf(weights, halves) {
  if (halves !== null) {
    return (sums, [a, b, c, d], [x, y, z, w]) => {
      for (let j = 0; j < sums.length; j++) {
        sums[j] +=
          x * halves[weights[a + j]] +
          y * halves[weights[b + j]] +
          z * halves[weights[c + j]] +
          w * halves[weights[d + j]];
      }
    };
  }
  return (sums, [a, b, c, d], [x, y, z, w]) => {
    for (let j = 0; j < sums.length; j++) {
      sums[j] +=
        x * weights[a + j] +
        y * weights[b + j] +
        z * weights[c + j] +
        w * weights[d + j];
    }
  };
}

function multiplied(hidden, { values, width }, sums) {
  for (let i = 0; i < hidden.length; i++) {
    const factor = hidden[i];
    const begin = i * width;
    for (let j = 0; j < width; j++) sums[j] += factor * values[begin + j];
  }
  return sums;
}

function toUnitLength(values) {
  let squares = 0;
  for (let j = 0; j < values.length; j++) squares += values[j] * values[j];
  if (squares > 0) {
    const factor = 1 / Math.sqrt(squares);
    for (let j = 0; j < values.length; j++) values[j] *= factor;
  }
  return values;
}

function valuesOfHalves() {
  return Float32Array.from({ length: 1 << 16 }, (_, bits) => {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 0x1f;
    const fraction = bits & 0x3ff;
    return exponent === 0
      ? sign * fraction * 2 ** -24
      : sign * (1024 + fraction) * 2 ** (exponent - 25);
  });
}
return { readNetwork, Network };
})();

modules["source.js"] = (() => {
async function openSource(source) {
  if (source instanceof URL && source.protocol === "file:") return openFile(source);
  if (typeof source === "string" || source instanceof URL) {
    const isAddress = /^(https?|blob|data):/i.test(source) || !isNode();
    return isAddress ? ofBytes(await download(source)) : openFile(source);
  }
  if (typeof Blob !== "undefined" && source instanceof Blob) return ofBlob(source);
  if (source instanceof ArrayBuffer) return ofBytes(new Uint8Array(source));
  if (ArrayBuffer.isView(source)) {
    const { buffer, byteOffset, byteLength } = source;
    return ofBytes(new Uint8Array(buffer, byteOffset, byteLength));
  }
  throw new TypeError(
    "load takes a path or an address, a URL, a Blob or File, an ArrayBuffer or a " +
      `Uint8Array. Got ${source === null ? "null" : typeof source} instead.`,
  );
}

function isNode() {
  return typeof process !== "undefined" && Boolean(process.versions?.node);
}

async function download(address) {
  const response = await fetch(address);
  if (!response.ok) {
    throw new Error(
      `The model at ${address} cannot be read: ${response.status} ` +
        `${response.statusText}. Check the address.`,
    );
  }
  return new Uint8Array(await response.arrayBuffer());
}

function ofBytes(bytes) {
  return {
    size: bytes.length,
    read: async (begin, end) => bytes.subarray(begin, end),
    close: async () => {},
  };
}

function ofBlob(blob) {
  return {
    size: blob.size,
    read: async (begin, end) =>
      new Uint8Array(await blob.slice(begin, end).arrayBuffer()),
    close: async () => {},
  };
}

async function openFile(path) {
  const { open } = await import("node:fs/promises");
  const file = await open(path);
  try {
    return {
      size: (await file.stat()).size,
      read: (begin, end) => readFrom(file, begin, end),
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function readFrom(file, begin, end) {
  const bytes = new Uint8Array(end - begin);
  let done = 0;
  while (done < bytes.length) {
    const length = Math.min(bytes.length - done, 1 << 30);
    const { bytesRead } = await file.read(bytes, done, length, begin + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}
return { openSource };
})();

modules["nearest.js"] = (() => {
function nearest(vectors, query, count = 10) {
  const width = query.length;
  if (width === 0 || vectors.length % width !== 0) {
    throw new RangeError(
      `The vectors have ${vectors.length} numbers, which is not a multiple of the ` +
        `width of the query, ${width}. Use vectors of the same model.`,
    );
  }
  const found = [];
  for (let index = 0, begin = 0; begin < vectors.length; index++, begin += width) {
    let score = 0;
    for (let j = 0; j < width; j++) score += query[j] * vectors[begin + j];
    if (found.length < count) found.push({ index, score });
    else if (count > 0 && score > found[count - 1].score) {
      found[count - 1] = { index, score };
    } else continue;
    for (let i = found.length - 1; i > 0 && found[i - 1].score < score; i--) {
      [found[i - 1], found[i]] = [found[i], found[i - 1]];
    }
  }
  return found;
}
return { nearest };
})();

modules["index.js"] = (() => {
const { readLexical } = modules["lexical.js"];
const { readModelFile } = modules["model-file.js"];
const { readNetwork } = modules["network.js"];
const { openSource } = modules["source.js"];


class Model {
  #lexical;
  #network;
  #readsNulls;

  constructor(lexical, network, readsNulls) {
    this.#lexical = lexical;
    this.#network = network;
    this.#readsNulls = readsNulls;
    this.width = network.width;
  }

  transform(texts) {
    if (typeof texts === "string" || typeof texts?.[Symbol.iterator] !== "function") {
      throw new TypeError(
        "transform takes an array of strings, one for each document.",
      );
    }
    const documents = Array.from(texts, (text, i) => this.#checked(text, i));
    const vectors = new Float32Array(documents.length * this.width);
    documents.forEach((text, i) => {
      const out = vectors.subarray(i * this.width, (i + 1) * this.width);
      this.#network.embed(this.#lexical.read(text), out);
    });
    return vectors;
  }

  #checked(text, i) {
    if (typeof text === "string") return text;
    const isMissing = text === null || text === undefined;
    if (isMissing && this.#readsNulls) return "";
    throw new TypeError(
      `Document ${i} is ${isMissing ? "missing" : `a ${typeof text}`}, not a string. ` +
        "Convert or remove it.",
    );
  }
}

async function load(source, { verify = true } = {}) {
  const opened = await openSource(source);
  try {
    const file = await readModelFile(opened, verify);
    const lexical = await readLexical(file);
    const network = await readNetwork(file, lexical.nColumns);
    return new Model(lexical, network, file.state.params?.null_documents === "empty");
  } finally {
    await opened.close();
  }
}
return { load, nearest: modules["nearest.js"].nearest };
})();

return modules["index.js"];
})();
