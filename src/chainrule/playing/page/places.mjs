// Where the neurons of the drawing stand: a column a layer, long ones folded in the middle.

/**
 * A neuron of the drawing; column 0 is the input.
 * @typedef {{column: number, neuron: number, x: number, y: number}} Place
 * @typedef {object} Column
 * @property {number} column
 * @property {number} x  of its middle
 * @property {number} top
 * @property {number} cell  how wide and high a neuron is
 * @property {Place[]} shown
 * @property {{y: number, count: number} | null} gap  what is folded away
 * @property {boolean} folds  whether it can be folded
 * @typedef {object} Plan
 * @property {number} width
 * @property {number} height
 * @property {number} head  the room above the columns
 * @property {number} left  the room for the names of the inputs
 * @property {number} right  the room for the names of the outputs
 * @property {Column[]} columns
 */

export const MOST = 12; // neurons of a layer that is not folded
const FIRST = 6; // of a folded one, so many from its beginning
const LAST = 3;
const GAP = 30;
const HEAD = 40;
const LEAST_APART = 76; // of two columns

/**
 * @param {number} size
 * @param {boolean} open
 * @returns {number[]}
 */
function shownOf(size, open) {
  const all = Array.from({ length: size }, (_, k) => k);
  if (size <= MOST || open) return all;
  return [...all.slice(0, FIRST), ...all.slice(-LAST)];
}

/**
 * @param {number} count
 * @param {boolean} maps
 */
function cellOf(count, maps) {
  if (count > 40) return 10;
  if (count > MOST) return maps ? 22 : 16;
  if (count > 8) return maps ? 30 : 22;
  return maps ? 38 : 26;
}

/**
 * Place the neurons of a network.
 * @param {number[]} sizes
 * @param {ReadonlySet<number>} open  columns that are shown whole
 * @param {number} width  the room there is; the drawing may need more
 * @param {boolean} maps
 * @returns {Plan}
 */
export function planOf(sizes, open, width, maps) {
  const left = Math.round(Math.min(116, Math.max(70, width * 0.24)));
  const right = Math.round(Math.min(100, Math.max(60, width * 0.2)));
  const steps = sizes.length - 1;
  const apart = Math.max(LEAST_APART, (width - left - right - 44) / steps);
  const begun = sizes.map((size, column) => {
    const numbers = shownOf(size, open.has(column));
    const cell = column === 0 ? Math.min(14, cellOf(numbers.length, false)) : cellOf(numbers.length, maps);
    const pitch = cell + (cell > 20 ? 8 : column === 0 ? 12 : 5);
    const folded = numbers.length < size;
    return { size, column, numbers, cell, pitch, folded, tall: numbers.length * pitch + (folded ? GAP : 0) };
  });
  const tallest = Math.max(...begun.map(({ tall }) => tall));
  const centred = tallest < 700;
  const columns = begun.map(({ size, column, numbers, cell, pitch, folded, tall }) => {
    const x = left + 22 + column * apart;
    const top = HEAD + (centred ? (tallest - tall) / 2 : 0);
    const shown = numbers.map((neuron, k) => ({
      column, neuron, x, y: top + (k + 0.5) * pitch + (folded && k >= FIRST ? GAP : 0),
    }));
    const gap = folded ? { y: top + FIRST * pitch + GAP / 2, count: size - numbers.length } : null;
    return { column, x, top, cell, shown, gap, folds: size > MOST };
  });
  return {
    width: Math.round(Math.max(width, left + 44 + steps * apart + right)),
    height: Math.ceil(HEAD + tallest + 26),
    head: HEAD,
    left,
    right,
    columns,
  };
}
