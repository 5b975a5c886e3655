// @ts-check
// Messages of the server: a JSON text about arrays, then their bytes. Nothing is copied.

const MAGIC = 0x76535331;
/** @type {Record<string, any>} */
const TYPES = { uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array, int16: Int16Array, int32: Int32Array, float32: Float32Array };

/**
 * @typedef {{data: any, shape: number[]}} Block
 * @typedef {{arrays: Record<string, Block>, facts: any}} Message
 */

/**
 * @param {ArrayBuffer} buffer
 * @returns {Message}
 */
export function decode(buffer) {
  const [magic, length] = new Uint32Array(buffer, 0, 2);
  if (magic !== MAGIC) throw new Error("The server sent something that is no message.");
  const { arrays, facts } = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  /** @type {Record<string, Block>} */
  const found = {};
  for (const { name, dtype, shape, offset } of arrays) {
    const size = shape.reduce((/** @type {number} */ a, /** @type {number} */ b) => a * b, 1);
    found[name] = { data: new TYPES[dtype](buffer, 8 + length + offset, size), shape };
  }
  return { arrays: found, facts };
}
