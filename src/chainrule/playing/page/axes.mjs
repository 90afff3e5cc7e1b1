// The frame of a plot on a canvas: ticks, their numbers, and the names of both axes.

import { ink } from "./colours.mjs";
import { ticks } from "./numbers.mjs";

/**
 * @import {Pen} from "./canvas.mjs"
 * @typedef {{left: number, top: number, width: number, height: number}} Box
 * @typedef {{name: string, low: number, high: number, texts?: string[],
 *   write?: (value: number) => string}} Axis
 *   With `texts`, the axis is of categories, and the first lies at 0.
 */

export const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';

const ROOM = { left: 60, top: 6, right: 10, bottom: 34 };

/**
 * The place of the plot itself.
 * @param {number} width
 * @param {number} height
 * @returns {Box}
 */
export function inside(width, height) {
  const left = width < 240 ? 46 : ROOM.left;
  return {
    left,
    top: ROOM.top,
    width: Math.max(1, width - left - ROOM.right),
    height: Math.max(1, height - ROOM.top - ROOM.bottom),
  };
}

/** @param {Axis} axis @param {number} most */
function marks(axis, most) {
  const { write } = axis;
  if (write !== undefined) {
    return ticks(axis.low, axis.high, most / 2).map(({ value }) => ({ value, text: write(value) }));
  }
  if (axis.texts === undefined) return ticks(axis.low, axis.high, most);
  const all = axis.texts.map((text, value) => ({ value, text }));
  const every = Math.ceil(all.length / Math.max(1, most));
  return all.filter(({ value }) => value % every === 0);
}

/**
 * A text that fits, with its end left out if it must be.
 * @param {CanvasRenderingContext2D} context
 * @param {string} text
 * @param {number} width
 */
export function fitted(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  let kept = text.slice(0, 80);
  while (kept.length > 1 && context.measureText(`${kept}\u2026`).width > width) {
    kept = kept.slice(0, -1);
  }
  return `${kept}\u2026`;
}

/**
 * Where a value lies on the canvas.
 * @param {Box} box
 * @param {Axis} axis
 * @param {number} value
 */
export function across(box, axis, value) {
  return box.left + (box.width * (value - axis.low)) / (axis.high - axis.low || 1);
}

/**
 * @param {Box} box
 * @param {Axis} axis
 * @param {number} value
 */
export function up(box, axis, value) {
  return box.top + box.height * (1 - (value - axis.low) / (axis.high - axis.low || 1));
}

/**
 * Draw ticks, numbers, names and the frame.
 * @param {Pen} pen
 * @param {Box} box
 * @param {Axis} x
 * @param {Axis} y
 * @param {boolean} dark
 */
export function drawAxes({ context }, box, x, y, dark) {
  const colours = ink(dark);
  const bottom = box.top + box.height;
  context.font = FONT;
  context.lineWidth = 1;
  context.strokeStyle = colours.soft;
  context.fillStyle = colours.soft;
  context.beginPath();
  context.textAlign = "center";
  context.textBaseline = "top";
  for (const { value, text } of marks(x, Math.max(2, Math.floor(box.width / (x.texts === undefined ? 40 : 60))))) {
    const at = Math.round(across(box, x, value)) + 0.5;
    context.moveTo(at, bottom);
    context.lineTo(at, bottom + 4);
    context.fillText(fitted(context, text, 64), at, bottom + 6);
  }
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const { value, text } of marks(y, Math.max(2, Math.floor(box.height / 40)))) {
    const at = Math.round(up(box, y, value)) + 0.5;
    context.moveTo(box.left - 4, at);
    context.lineTo(box.left, at);
    context.fillText(fitted(context, text, box.left - 20), box.left - 6, at);
  }
  context.stroke();
  context.strokeStyle = colours.line;
  context.strokeRect(box.left - 0.5, box.top - 0.5, box.width + 1, box.height + 1);
  nameAxes(context, box, x.name, y.name, colours.text);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Box} box
 * @param {string} x
 * @param {string} y
 * @param {string} colour
 */
function nameAxes(context, box, x, y, colour) {
  context.fillStyle = colour;
  context.textAlign = "center";
  context.textBaseline = "bottom";
  const middle = box.left + box.width / 2;
  context.fillText(fitted(context, x, box.width), middle, box.top + box.height + ROOM.bottom);
  context.save();
  context.translate(0, box.top + box.height / 2);
  context.rotate(-Math.PI / 2);
  context.textBaseline = "top";
  context.fillText(fitted(context, y, box.height), 0, 1);
  context.restore();
}
