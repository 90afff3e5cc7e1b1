// Numbers and names as people read them.

const MINUS = "\u2212";

/**
 * A number with some significant digits; powers of ten where it is very small or large.
 * @param {number | null | undefined} x
 * @param {number} [digits]
 */
export function number(x, digits = 4) {
  if (x === null || x === undefined || !Number.isFinite(x)) return "–";
  const size = Math.abs(x);
  const text = size !== 0 && (size < 1e-4 || size >= 1e7)
    ? x.toExponential(digits - 1).replace("e+", "e")
    : Number.isInteger(x) || size >= 10 ** digits ? String(Math.round(x)) : x.toPrecision(digits);
  return text.replaceAll("-", MINUS);
}

/**
 * A count with its thousands set apart: 12 345 678.
 * @param {number | null | undefined} n
 */
export function count(n) {
  if (n === null || n === undefined || !Number.isFinite(n)) return "–";
  return String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/**
 * A rate in few characters: 940, 12.3 k, 4.56 M.
 * @param {number | null | undefined} n
 */
export function rate(n) {
  if (n === null || n === undefined || !Number.isFinite(n)) return "–";
  if (n < 1000) return String(Math.round(n));
  if (n < 1e6) return `${(n / 1e3).toPrecision(3)} k`;
  return `${(n / 1e6).toPrecision(3)} M`;
}

/**
 * One of a word, or several: "1 row", "300 rows".
 * @param {number} n
 * @param {string} one
 * @param {string} [several]
 */
export function some(n, one, several = `${one}s`) {
  return `${count(n)} ${n === 1 ? one : several}`;
}

/**
 * A name of the program as words: "half squared error".
 * @param {string} name
 */
export function words(name) {
  return name.replaceAll("_", " ");
}

/**
 * What an object holds under a name that comes from a table, where `constructor` and
 * `__proto__` are names like others.
 * @template T
 * @param {Record<string, T> | undefined} object
 * @param {string} name
 * @returns {T | undefined}
 */
export function own(object, name) {
  return object !== undefined && Object.hasOwn(object, name) ? object[name] : undefined;
}
