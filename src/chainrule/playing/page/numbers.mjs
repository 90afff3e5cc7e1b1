// Numbers of plots as text: three digits, per cents, and the round numbers of an axis.

import { count, number } from "./words.mjs";

/**
 * A number with a few significant digits.
 * @param {number | null | undefined} value
 * @param {number} [digits]
 */
export function short(value, digits = 3) {
  return number(value, digits);
}

/**
 * A share as per cent.
 * @param {number | null | undefined} share
 */
export function percent(share) {
  if (share === null || share === undefined || Number.isNaN(share)) return "\u2013";
  const of = 100 * share;
  return `${of > 0 && of < 99.95 && (of < 1 || of > 99) ? of.toFixed(1) : of.toFixed(0)} %`;
}

/**
 * Numbers one step apart as text, with as many decimals as the step has.
 * @param {number[]} values
 */
export function evenly(values) {
  if (values.length < 2) return values.map((value) => short(value));
  if (Math.max(...values.map(Math.abs)) >= 1e6) {
    return values.map((value) => value === 0 ? "0" : value.toExponential(1).replace("e+", "e").replaceAll("-", "\u2212"));
  }
  const step = values[1] - values[0];
  let places = 0;
  /** @param {number} x */
  const isWhole = (x) => Math.round(x) >= 1 && Math.abs(x - Math.round(x)) < 1e-6;
  while (places < 7 && !isWhole(step * 10 ** places)) places += 1;
  if (places === 7) return values.map((value) => short(value, 2));
  return values.map((value) => value.toFixed(places).replaceAll("-", "\u2212"));
}

const UNITS = /** @type {[number, string][]} */ ([[1e9, "\u202fG"], [1e6, "\u202fM"], [1e3, "\u202fk"]]);

/**
 * Round numbers that divide a range, with their texts.
 * @param {number} low
 * @param {number} high
 * @param {number} most
 * @returns {{value: number, text: string}[]}
 */
export function ticks(low, high, most) {
  const span = high - low;
  if (!(span > 0) || !Number.isFinite(span)) return [{ value: low, text: short(low) }];
  const rough = span / Math.max(1, most);
  const ten = 10 ** Math.floor(Math.log10(rough));
  const step = ten * ([1, 2, 5].find((factor) => factor * ten >= rough * 0.999) ?? 10);
  const size = Math.max(Math.abs(low), Math.abs(high));
  const [unit, letter] = UNITS.find(([one]) => size >= (one === 1e3 ? 100 : 1) * one && size < 1e12) ?? [1, ""];
  const places = Math.max(0, -Math.floor(Math.log10(step / unit) + 1e-9));
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * span; k += 1) {
    const value = k * step;
    const text = size >= 1e12 || size < 1e-3 ? short(value, 2)
      : places === 0 ? count(value / unit) : (value / unit).toFixed(places);
    found.push({ value, text: k === 0 ? "0" : text.replaceAll("-", "\u2212") + letter });
  }
  return found;
}
