// The drawing's canvas: weights as curves, neurons with the small maps of their response.

import { chosenNeuron, chosenWeight, pointed, same } from "./chosen.mjs";
import { css, ink, scale, shade } from "./colours.mjs";
import { largest, largestBias, trace } from "./edges.mjs";
import { biasAt, fromWire } from "./layers.mjs";

/**
 * @import {Pen} from "./canvas.mjs"
 * @import {Edge} from "./edges.mjs"
 * @import {Place, Plan} from "./places.mjs"
 * @import {Block, Head, Ill, Network} from "./types.mjs"
 */

/**
 * The colour of a weight; even a weak one stands out from the paper a little.
 * @param {number} weight
 * @param {number} most
 * @param {boolean} dark
 */
function weightInk(weight, most, dark) {
  const share = Math.min(1, Math.abs(weight) / (most || 1));
  return css(shade("diverging", 0.5 + Math.sign(weight) * (0.16 + 0.34 * share), dark));
}

/**
 * Draw the weights.
 * @param {Pen} pen
 * @param {Edge[]} drawn
 * @param {ArrayLike<number>} parameters
 * @param {boolean} dark
 */
export function paintEdges({ context }, drawn, parameters, dark) {
  const most = largest(drawn, parameters);
  const weight = pointed.peek()?.weight ?? null;
  const neuron = pointed.peek()?.neuron ?? null;
  const chosen = chosenWeight.peek();
  /** @param {Edge} edge */
  const belongs = ({ layer, from, to }) => neuron === null
    || (layer === neuron[0] && to === neuron[1]) || (layer === neuron[0] + 1 && from === neuron[1]);
  context.lineCap = "round";
  for (const edge of drawn) {
    const value = parameters[edge.at];
    const here = [edge.layer, edge.from, edge.to];
    const width = 0.7 + 4.3 * (Math.abs(value) / (most || 1));
    if (same(here, chosen) || same(here, weight)) {
      context.globalAlpha = 1;
      context.strokeStyle = same(here, chosen) ? ink(dark).text : ink(dark).soft;
      context.lineWidth = width + 4;
      context.beginPath();
      trace(context, edge);
      context.stroke();
    }
    context.globalAlpha = belongs(edge) ? 1 : 0.15;
    context.strokeStyle = weightInk(value, most, dark);
    context.lineWidth = width;
    context.beginPath();
    trace(context, edge);
    context.stroke();
  }
  context.globalAlpha = 1;
}

/** The small maps of all neurons, below one another in one picture. */
export function mapSheet() {
  const canvas = document.createElement("canvas");
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  /** @type {ImageData | null} */
  let image = null;
  const found = /** @type {Map<string, number>} */ (new Map());
  return {
    canvas,
    /** Where the map of a neuron begins; undefined where it has none. */
    at: (/** @type {number} */ layer, /** @type {number} */ neuron) => found.get(`${layer} ${neuron}`),
    /**
     * @param {Block | undefined} block
     * @param {Head["maps"]} maps
     * @param {boolean} dark
     */
    paint(block, maps, dark) {
      found.clear();
      if (block === undefined || maps === undefined) return;
      const [count, size] = block.shape;
      if (image === null || image.width !== size || image.height !== size * count) {
        canvas.width = size;
        canvas.height = size * count;
        image = context.createImageData(size, size * count);
      }
      const pixels = new Uint32Array(image.data.buffer);
      const steps = new Uint32Array(scale("area", dark).buffer);
      const colours = new Uint32Array(256);
      for (let n = 0; n < count; n += 1) {
        const [low, high] = maps.ranges[n];
        // Zero is the paper; of what lies between 0 and 1, the middle.
        const share = low === 0 && high === 1;
        const most = Math.max(-low, high, 1e-9);
        for (let q = 0; q < 256; q += 1) {
          const value = low + (q / 255) * (high - low);
          const at = share ? value : 0.5 + value / (2 * most);
          colours[q] = steps[Math.round(255 * Math.min(1, Math.max(0, at)))];
        }
        const start = n * size * size;
        for (let i = 0; i < size; i += 1) {
          const to = start + (size - 1 - i) * size; // the first row is the lowest
          for (let j = 0; j < size; j += 1) pixels[to + j] = colours[block[start + i * size + j]];
        }
        const [layer, neuron] = /** @type {number[]} */ (fromWire(maps.neurons[n]));
        found.set(`${layer} ${neuron}`, n * size);
      }
      context.putImageData(image, 0, 0);
    },
  };
}

/**
 * Draw a neuron without a map: its bias as its colour.
 * @param {CanvasRenderingContext2D} context
 * @param {Place} place
 * @param {number} cell
 * @param {string} fill
 * @param {string} edge
 */
function paintPlain(context, { x, y }, cell, fill, edge) {
  context.beginPath();
  context.arc(x, y, cell / 2, 0, 2 * Math.PI);
  context.fillStyle = fill;
  context.fill();
  context.lineWidth = 1.2;
  context.strokeStyle = edge;
  context.stroke();
}

/**
 * Draw the neurons.
 * @param {Pen} pen
 * @param {Plan} plan
 * @param {Network} network
 * @param {ArrayLike<number> | undefined} parameters
 * @param {ReturnType<typeof mapSheet>} sheet
 * @param {Ill[]} ill  dead and saturated ones get a mark
 * @param {boolean} dark
 */
export function paintNeurons({ context }, plan, network, parameters, sheet, ill, dark) {
  const colours = ink(dark);
  const biases = parameters === undefined ? 0 : largestBias(network, parameters);
  const chosen = chosenNeuron.peek();
  const near = pointed.peek()?.neuron ?? null;
  const marked = new Set(ill.map(({ layer, neuron }) => `${fromWire([layer, neuron])}`));
  context.imageSmoothingEnabled = false;
  for (const { column, cell, shown } of plan.columns) {
    for (const place of shown) {
      const half = cell / 2;
      const layer = column - 1;
      const map = column === 0 ? undefined : sheet.at(layer, place.neuron);
      if (map === undefined) {
        const bias = parameters === undefined || column === 0 ? 0
          : parameters[biasAt(network, layer, place.neuron)];
        const fill = column === 0 ? colours.soft : css(shade("diverging", 0.5 + bias / (2 * (biases || 1)), dark));
        paintPlain(context, place, cell, fill, colours.soft);
      } else {
        const size = sheet.canvas.width;
        context.drawImage(sheet.canvas, 0, map, size, size, place.x - half, place.y - half, cell, cell);
        context.lineWidth = 1;
        context.strokeStyle = colours.soft;
        context.strokeRect(place.x - half, place.y - half, cell, cell);
      }
      const here = [layer, place.neuron];
      if (marked.has(`${here}`)) {
        const mark = { ...place, x: place.x + half, y: place.y - half };
        paintPlain(context, mark, 8, colours.bad, colours.paper);
      }
      if (!same(here, chosen) && !same(here, near)) continue;
      context.lineWidth = same(here, chosen) ? 3 : 2;
      context.strokeStyle = same(here, chosen) ? colours.text : colours.soft;
      context.strokeRect(place.x - half - 3, place.y - half - 3, cell + 6, cell + 6);
    }
  }
}

