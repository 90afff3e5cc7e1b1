// From the numbers of a surface to colours, for the surface, the points and the legend.

import { classColour, css, ink, readable, scale, shade, tint } from "./colours.mjs";
import { percent, short } from "./numbers.mjs";
import { head, table } from "./store.mjs";

/** @import {Block, SurfaceHead} from "./types.mjs" */

/**
 * How the values of a surface become colours.
 * @typedef {object} Tones
 * @property {"number" | "binary" | "classes"} kind
 * @property {import("./colours.mjs").ScaleName} scale  of numbers and of two classes
 * @property {number} low  the value at the beginning of the scale
 * @property {number} high
 * @property {number} classes
 */

/**
 * Choose the colours of a surface. Numbers far on both sides of zero get the paper at zero.
 * @param {SurfaceHead} surface
 * @param {number} classes
 * @returns {Tones}
 */
export function tonesOf(surface, classes) {
  const { kind, range: [low, high] } = surface;
  if (kind !== "number") return { kind, scale: "area", low: 0, high: 1, classes };
  const most = Math.max(-low, high);
  if (Math.min(-low, high) > 0.2 * most) {
    return { kind, scale: "diverging", low: -most, high: most, classes };
  }
  return { kind, scale: "sequential", low, high, classes };
}

/**
 * How sure a class is, 0 to 1, when chance is 1 / classes.
 * @param {number} probability
 * @param {number} classes
 */
function sureness(probability, classes) {
  return Math.max(0, (probability - 1 / classes) / (1 - 1 / Math.max(2, classes)));
}

/**
 * The colour of a point of the table, and of its edge.
 * @param {Tones} tones
 * @param {number} target  class number, or value
 * @param {boolean} dark
 * @returns {[colour: string, edge: string]}
 */
export function pointColours(tones, target, dark) {
  const { paper } = ink(dark);
  if (tones.kind === "classes") return [css(classColour(target, dark)), paper];
  if (tones.kind === "binary") return [css(classColour(target > 0.5 ? 1 : 0, dark)), paper];
  // A number has the colour of the surface where it is predicted well: its edge sets it off.
  const colour = shade(tones.scale, (target - tones.low) / (tones.high - tones.low || 1), dark);
  return [css(colour), readable(colour) === "#000000" ? "rgb(0 0 0 / 0.6)" : "rgb(255 255 255 / 0.6)"];
}

/** The colours of the present surface, and of the one that is compared with it. */
export function tonesNow() {
  const { surface, surface_compared: other } = head.peek();
  if (surface === undefined) throw new Error("there is no surface yet");
  const range = /** @type {[number, number]} */ (other === undefined ? surface.range : [
    Math.min(surface.range[0], other.range[0]), Math.max(surface.range[1], other.range[1])]);
  return tonesOf({ ...surface, range }, table.peek().classes.length);
}

const known = /** @type {Map<string, Uint32Array>} */ (new Map());

/**
 * The colours of all values as pixels: 256 for numbers, 256 a class for classes.
 * @param {Tones} tones
 * @param {[number, number]} range  what 0 and 255 stand for
 * @param {boolean} dark
 * @returns {Uint32Array}
 */
function lookup(tones, range, dark) {
  const key = JSON.stringify([tones, range, dark]);
  let colours = known.get(key);
  if (colours !== undefined) return colours;
  if (tones.kind === "classes") {
    const bytes = new Uint8ClampedArray(4 * 256 * tones.classes);
    for (let k = 0; k < tones.classes; k += 1) {
      for (let p = 0; p < 256; p += 1) {
        const share = 0.08 + 0.67 * sureness(p / 255, tones.classes);
        bytes.set([...tint(classColour(k, dark), share, dark), 255], 4 * (256 * k + p));
      }
    }
    colours = new Uint32Array(bytes.buffer);
  } else {
    const steps = new Uint32Array(scale(tones.scale, dark).buffer);
    const [low, high] = tones.kind === "binary" ? [0, 1] : range;
    colours = Uint32Array.from({ length: 256 }, (_, q) => {
      const value = low + (q / 255) * (high - low);
      const share = (value - tones.low) / (tones.high - tones.low || 1);
      return steps[Math.round(255 * Math.min(1, Math.max(0, share)))];
    });
  }
  if (known.size >= 4) known.clear(); // ranges of numbers change with every frame
  known.set(key, colours);
  return colours;
}

/**
 * A picture that is painted anew into the same pixels.
 * @returns {{canvas: HTMLCanvasElement, paint: (block: Block, surface: SurfaceHead,
 *   tones: Tones, dark: boolean) => void}}
 */
export function picture() {
  const canvas = document.createElement("canvas");
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  /** @type {ImageData | null} */
  let image = null;
  return {
    canvas,
    paint(block, surface, tones, dark) {
      const [rows, columns] = block.shape;
      if (image === null || image.width !== columns || image.height !== rows) {
        canvas.width = columns;
        canvas.height = rows;
        image = context.createImageData(columns, rows);
      }
      const pixels = new Uint32Array(image.data.buffer);
      const colours = lookup(tones, surface.range, dark);
      for (let i = 0; i < rows; i += 1) {
        const to = (rows - 1 - i) * columns; // the first row is the lowest
        const from = i * columns;
        if (tones.kind === "classes") {
          for (let j = 0; j < columns; j += 1) {
            const k = 2 * (from + j);
            pixels[to + j] = colours[256 * block[k] + block[k + 1]];
          }
        } else {
          for (let j = 0; j < columns; j += 1) pixels[to + j] = colours[block[from + j]];
        }
      }
      context.putImageData(image, 0, 0);
    },
  };
}

/**
 * What the surface says at a cell, as text.
 * @param {Block} block
 * @param {SurfaceHead} surface
 * @param {{classes: string[], target: string}} table
 * @param {number} i  row, from the lowest
 * @param {number} j
 */
export function valueText(block, surface, { classes, target }, i, j) {
  const at = i * block.shape[1] + j;
  if (surface.kind === "classes") {
    return `${classes[block[2 * at]] ?? block[2 * at]}: ${percent(block[2 * at + 1] / 255)}`;
  }
  if (surface.kind === "binary") {
    const p = block[at] / 255;
    const k = p >= 0.5 ? 1 : 0;
    return `${classes[k] ?? k}: ${percent(k === 1 ? p : 1 - p)}`;
  }
  const [low, high] = surface.range;
  return `${target} ${short(low + (block[at] / 255) * (high - low))}`;
}
