// A column of the table as an axis: its categories as bands, its numbers and days as text.

import { short } from "./numbers.mjs";
import { table } from "./store.mjs";

const DAY = 86_400_000; // milliseconds

/** @param {string} name */
export function columnOf(name) {
  return table.value.columns.find((column) => column.name === name);
}

/**
 * The bands of a column, the first at 0; none where it has numbers.
 * @param {string} name
 */
export function bandsOf(name) {
  const column = columnOf(name);
  if (column === undefined) return [];
  return column.kind === "boolean" ? ["false", "true"] : column.categories;
}

/**
 * A day as text, by its number from 1970 on.
 * @param {number} day
 */
function dateText(day) {
  const date = new Date(Math.round(day) * DAY);
  return Number.isNaN(date.getTime()) ? short(day) : date.toISOString().slice(0, 10);
}

/**
 * A value of a column as text: of bands, the nearest.
 * @param {string} name
 * @param {number} value
 */
export function columnText(name, value) {
  const bands = bandsOf(name);
  if (bands.length > 0) return bands[Math.min(bands.length - 1, Math.max(0, Math.round(value)))];
  return columnOf(name)?.kind === "date" ? dateText(value) : short(value);
}
