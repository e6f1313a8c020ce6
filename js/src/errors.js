// The two kinds of errors of a model file. Each message ends with what to do.

/** The error for bytes that are not a whole model file. */
export function damaged(how) {
  return new Error(
    `This is not a complete sklux model file: ${how}. Save the model again, or copy ` +
      "the file again.",
  );
}

/** The error for a whole model file that this package cannot use. */
export function unsupported(part, remedy) {
  return new Error(`This package cannot use the model: ${part}. ${remedy}`);
}
