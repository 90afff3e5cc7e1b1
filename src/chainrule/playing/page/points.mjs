// Rows of the table as points: filled for training, rings for validation. They are drawn
// once on a canvas of their own, and copied from it for every frame.

import { across, up } from "./axes.mjs";
import { pointColours } from "./pixels.mjs";

/**
 * @import {Axis, Box} from "./axes.mjs"
 * @import {Pen} from "./canvas.mjs"
 * @import {Tones} from "./pixels.mjs"
 * @import {Block} from "./types.mjs"
 */

const TURN = 2 * Math.PI;

/**
 * The size of a point: small where there are many, or little room.
 * @param {number} count
 * @param {number} width
 */
export function radiusOf(count, width) {
  const radius = count > 1000 ? 2 : count > 400 ? 2.5 : 3.2;
  return width < 200 ? 0.65 * radius : radius;
}

/**
 * Draw one point.
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {number} y
 * @param {number} radius
 * @param {string} colour
 * @param {boolean} ring
 * @param {string} edge  what sets it off
 */
export function drawPoint(context, x, y, radius, colour, ring, edge) {
  context.beginPath();
  context.arc(x, y, radius, 0, TURN);
  if (ring) {
    context.lineWidth = 0.5 * radius + 1.8;
    context.strokeStyle = edge;
    context.stroke();
    context.lineWidth = 0.5 * radius;
    context.strokeStyle = colour;
    context.stroke();
  } else {
    context.lineWidth = 0.5 * radius;
    context.strokeStyle = edge;
    context.stroke();
    context.fillStyle = colour;
    context.fill();
  }
}

/** A layer of points that is kept as long as nothing about them changes. */
export function pointLayer() {
  const canvas = document.createElement("canvas");
  let known = "";
  /** @type {Block | undefined} */
  let knownPoints;
  /**
   * @param {Pen} pen
   * @param {Box} box
   * @param {Axis} x
   * @param {Axis} y
   * @param {Map<string, Block>} blocks
   * @param {Tones} tones
   * @param {boolean} dark
   */
  function draw({ context, ratio }, box, x, y, blocks, tones, dark) {
    const points = blocks.get("points_xy");
    const targets = blocks.get("points_target");
    const parts = blocks.get("points_part");
    if (points === undefined || targets === undefined || parts === undefined) return;
    const key = JSON.stringify([ratio, box, x, y, tones, dark]);
    if (key !== known || points !== knownPoints) {
      known = key;
      knownPoints = points;
      canvas.width = Math.round(box.width * ratio);
      canvas.height = Math.round(box.height * ratio);
      const own = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
      own.setTransform(ratio, 0, 0, ratio, -box.left * ratio, -box.top * ratio);
      const radius = radiusOf(targets.length, box.width);
      for (let k = 0; k < targets.length; k += 1) {
        const [colour, edge] = pointColours(tones, targets[k], dark);
        const [px, py] = [across(box, x, points[2 * k]), up(box, y, points[2 * k + 1])];
        drawPoint(own, px, py, radius, colour, parts[k] === 1, edge);
      }
    }
    context.drawImage(canvas, box.left, box.top, box.width, box.height);
  }
  return { draw };
}
