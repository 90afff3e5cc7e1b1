// The weights of the drawing as curves: which are drawn, how, and which one is pointed at.

import { biasAt, weightAt } from "./layers.mjs";

/**
 * @import {Network} from "./types.mjs"
 * @import {Plan} from "./places.mjs"
 * @typedef {object} Edge
 * @property {number} layer
 * @property {number} from
 * @property {number} to
 * @property {number} at  its place in the parameters
 * @property {number} x0
 * @property {number} y0
 * @property {number} x1
 * @property {number} y1
 */

export const MOST_EDGES = 300;
const NEAR = 6; // pixels from an edge that still point at it

/**
 * The edges between neurons that are shown, by layer.
 * @param {Plan} plan
 * @param {Network} network
 * @returns {Edge[][]}
 */
export function edgesOf(plan, network) {
  return plan.columns.slice(1).map((right, layer) => {
    const left = plan.columns[layer];
    return left.shown.flatMap((a) => right.shown.map((b) => ({
      layer,
      from: a.neuron,
      to: b.neuron,
      at: weightAt(network, layer, a.neuron, b.neuron),
      x0: a.x + left.cell / 2,
      y0: a.y,
      x1: b.x - right.cell / 2,
      y1: b.y,
    })));
  });
}

/**
 * How many edges of each layer are drawn: all where they are few, and the rest alike.
 * @param {number[]} counts
 * @returns {number[]}
 */
export function shares(counts) {
  const given = counts.map(() => 0);
  let left = MOST_EDGES;
  const order = counts.map((_, l) => l).sort((a, b) => counts[a] - counts[b]);
  order.forEach((l, k) => {
    given[l] = Math.min(counts[l], Math.floor(left / (counts.length - k)));
    left -= given[l];
  });
  return given;
}

/**
 * The strongest edges of each layer, the weakest first.
 * @param {Edge[][]} edges
 * @param {ArrayLike<number>} parameters
 * @returns {Edge[]}
 */
export function strongest(edges, parameters) {
  const most = shares(edges.map((layer) => layer.length));
  const chosen = edges.flatMap((layer, l) => {
    if (layer.length <= most[l]) return layer;
    const sizes = Float32Array.from(layer, ({ at }) => Math.abs(parameters[at]) || 0).sort();
    const least = sizes[sizes.length - most[l]];
    return layer.filter(({ at }) => Math.abs(parameters[at]) >= least).slice(0, most[l]);
  });
  return chosen.sort((a, b) => Math.abs(parameters[a.at]) - Math.abs(parameters[b.at]));
}

/**
 * Add an edge to the path.
 * @param {CanvasRenderingContext2D} context
 * @param {Edge} edge
 */
export function trace(context, { x0, y0, x1, y1 }) {
  const middle = (x0 + x1) / 2;
  context.moveTo(x0, y0);
  context.bezierCurveTo(middle, y0, middle, y1, x1, y1);
}

/**
 * How far along a curve its x has gone to a share of the way: 1.5 t (1 - t) + t^3 = share.
 * @param {number} share
 */
function along(share) {
  let [low, high] = [0, 1];
  for (let k = 0; k < 20; k += 1) {
    const t = (low + high) / 2;
    if (1.5 * t * (1 - t) + t ** 3 < share) low = t;
    else high = t;
  }
  return (low + high) / 2;
}

/**
 * The edge at a point, if one is near.
 * @param {Edge[]} edges
 * @param {number} x
 * @param {number} y
 * @returns {Edge | null}
 */
export function nearest(edges, x, y) {
  let found = null;
  let least = NEAR;
  const known = new Map();
  for (const edge of edges) {
    const { x0, y0, x1, y1, layer } = edge;
    if (x < x0 || x > x1) continue;
    if (!known.has(layer)) known.set(layer, along((x - x0) / (x1 - x0)));
    const t = known.get(layer);
    const height = y0 + (y1 - y0) * t * t * (3 - 2 * t);
    const steep = (6 * t * (1 - t) * (y1 - y0)) / ((1.5 - 3 * t + 3 * t * t) * (x1 - x0));
    const far = Math.abs(y - height) / Math.sqrt(1 + steep * steep);
    if (far <= least) {
      least = far;
      found = edge;
    }
  }
  return found;
}

/**
 * The largest size among the weights that are drawn.
 * @param {Edge[]} edges
 * @param {ArrayLike<number>} parameters
 */
export function largest(edges, parameters) {
  let most = 0;
  for (const { at } of edges) most = Math.max(most, Math.abs(parameters[at]) || 0);
  return most;
}

/**
 * The largest size among all biases.
 * @param {Network} network
 * @param {ArrayLike<number>} parameters
 */
export function largestBias(network, parameters) {
  let most = 0;
  network.sizes.slice(1).forEach((size, layer) => {
    for (let k = 0; k < size; k += 1) {
      most = Math.max(most, Math.abs(parameters[biasAt(network, layer, k)]) || 0);
    }
  });
  return most;
}
