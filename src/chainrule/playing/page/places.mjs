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
 * @property {number} folding  the x of the button that folds it
 * @property {{y: number, count: number} | null} gap  what is folded away
 * @property {boolean} folds  whether it can be folded
 * @typedef {object} Plan
 * @property {number} width
 * @property {number} height
 * @property {number} slot  the width of one column of the layers' row
 * @property {Column[]} columns
 */

export const MOST = 16; // neurons of a layer that is not folded
const FIRST = 6; // of a folded one, so many from its beginning
const LAST = 3;
const GAP = 30;
const EDGE = 14; // the room above and below
const NAMES = 140; // the most room for the names of inputs and outputs
const LEAST_SLOT = 84; // the row of layers needs so much for one of them

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
  if (count > 12) return maps ? 24 : 18;
  if (count > 8) return maps ? 30 : 22;
  return maps ? 38 : 26;
}

/**
 * Place the neurons of a network below the row of its layers, which has a column for each
 * and one for another layer before the output's. Inputs and outputs stand at the inner side
 * of theirs, beside their names.
 * @param {number[]} sizes
 * @param {ReadonlySet<number>} open  columns that are shown whole
 * @param {number} width  the room there is; the drawing may need more
 * @param {boolean} maps
 * @param {boolean} addable  whether there is a column for another layer
 * @returns {Plan}
 */
export function planOf(sizes, open, width, maps, addable) {
  const slots = sizes.length + (addable ? 1 : 0);
  const whole = Math.max(width, slots * LEAST_SLOT);
  const slot = whole / slots;
  const begun = sizes.map((size, column) => {
    const numbers = shownOf(size, open.has(column));
    const cell = column === 0 ? Math.min(12, cellOf(numbers.length, false)) : cellOf(numbers.length, maps);
    const pitch = cell + (cell > 28 ? 8 : column === 0 ? 14 : 6);
    const folded = numbers.length < size;
    return { size, column, numbers, cell, pitch, folded, tall: numbers.length * pitch + (folded ? GAP : 0) };
  });
  const tallest = Math.max(...begun.map(({ tall }) => tall));
  const edge = sizes.some((size) => size > MOST) ? 2 * EDGE : EDGE; // the button that folds
  const centred = tallest < 700;
  const last = sizes.length - 1;
  const columns = begun.map(({ size, column, numbers, cell, pitch, folded, tall }) => {
    const x = column === 0 ? Math.min(slot + 2, NAMES)
      : column !== last ? (column + 0.5) * slot
      : Math.max(whole - slot - (addable ? 12 : cell / -2), whole - NAMES);
    const top = edge + (centred ? (tallest - tall) / 2 : 0);
    const shown = numbers.map((neuron, k) => ({
      column, neuron, x, y: top + (k + 0.5) * pitch + (folded && k >= FIRST ? GAP : 0),
    }));
    const gap = folded ? { y: top + FIRST * pitch + GAP / 2, count: size - numbers.length } : null;
    const folding = column === 0 ? slot / 2 : column === last ? whole - slot / 2 : x;
    return { column, x, top, cell, shown, folding, gap, folds: size > MOST };
  });
  return { width: Math.round(whole), height: Math.ceil(tallest + edge + EDGE), slot, columns };
}
