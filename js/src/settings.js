// The settings of the lexical stage, as a model file has them: which ones this package
// supports, and what they mean here.

import { damaged, unsupported } from "./errors.js";
import { ENGLISH_STOP_WORDS } from "./unicode-data.js";

// Classes that read text in the same way, and parameters that `transform` does not depend
// on, because the terms and the idf hold their effect, or because text is a string.
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
  // The tokenizer of word pieces is a tensor of the file.
  "tokenizer",
];
// Values of the other parameters that the package supports; a function is a test.
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
// Parameters of all versions.
const REQUIRED = [
  "analyzer",
  "ngram_range",
  "lowercase",
  "strip_accents",
  "token_pattern",
  "tokenizer",
  "binary",
];
// Runs of word characters with a least length: \w+, (?u)\b\w\w+\b, \b\w{3,}\b.
const RUN_OF_WORD_CHARACTERS =
  /^(?:\(\?u\))?(?:\\b)?((?:\\w)*)\\w(?:\+|\{([1-9][0-9]?),\})(?:\\b)?$/;

/**
 * Read the state of a lexical stage.
 *
 * @param state `{ class, params }`, as the model file has it.
 * @returns settings under the names that the other modules use.
 * @throws Error if the package does not support the class or a parameter.
 */
export function lexicalSettings(state) {
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
  // Classes of scikit-learn lack some parameters.
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
    // A given tokenizer has its own rules.
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

/** Extra weight of a term by its place in the document; empty if there is none. */
function profileOf(weight, decay) {
  if (weight === 0) return new Float64Array(0);
  if (!isAbove(0)(decay)) throw damaged("it lacks the parameter position_decay");
  // Beyond, the factor is below exp(-20).
  return Float64Array.from(
    { length: Math.floor(20 * decay) + 1 },
    (_, place) => weight * Math.exp(-place / decay),
  );
}
