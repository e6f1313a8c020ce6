// Where a model file comes from: a path or an address, a Blob, or bytes.

/**
 * Open a source for reading at any place, so that a caller reads only what it needs.
 *
 * @returns an object with `size` in bytes, `read(begin, end)`, which promises a
 *   Uint8Array, and `close()`.
 */
export async function openSource(source) {
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
  // Imported here: browsers do not have it.
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
    // A read of 2 GiB or more is refused.
    const length = Math.min(bytes.length - done, 1 << 30);
    const { bytesRead } = await file.read(bytes, done, length, begin + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}
