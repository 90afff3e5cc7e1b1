// Layers, neurons and weights by number: what they are called, and where their parameters
// are. Here layer l is the one whose weights are W^(l+1): 0 is the first after the input.

import { network, table } from "./store.mjs";

/** @import {Network} from "./types.mjs" */

const FIRST = 1; // the protocol counts layers, neurons and inputs from 1

/**
 * A place as the protocol has it: [layer, neuron] or [layer, from, to].
 * @param {number[] | null} place
 */
export const toWire = (place) => place && place.map((k) => k + FIRST);

/**
 * A place of the protocol as it is counted here.
 * @param {number[] | null} place
 */
export const fromWire = (place) => place && place.map((k) => k - FIRST);

/** @param {number} layer */
export function layerName(layer) {
  const last = network.value.sizes.length - 2;
  return layer === last ? "Output" : `Hidden ${layer + 1}`;
}

/**
 * What the outputs are called: the classes where each has one, else the target.
 * @param {number} neuron
 */
export function outputName(neuron) {
  const { sizes } = network.value;
  const { classes, target } = table.value;
  const many = sizes[sizes.length - 1];
  if (many > 1 && many === classes.length) return classes[neuron];
  if (many === 1 && classes.length === 2) return classes[1];
  return many === 1 ? target : `${target} ${neuron + 1}`;
}

/**
 * The place of a weight in the flat parameters.
 * @param {Network} network
 * @param {number} layer
 * @param {number} from
 * @param {number} to
 */
export function weightAt({ sizes, starts }, layer, from, to) {
  return starts[layer] + from * sizes[layer + 1] + to;
}

/**
 * The place of a bias.
 * @param {Network} network
 * @param {number} layer
 * @param {number} neuron
 */
export function biasAt({ sizes, starts }, layer, neuron) {
  return starts[layer] + sizes[layer] * sizes[layer + 1] + neuron;
}

/**
 * A name for what feeds a layer.
 * @param {number} layer
 * @param {number} from
 */
export function sourceName(layer, from) {
  if (layer === 0) return table.value.inputs[from] ?? `input ${from + 1}`;
  return `${layerName(layer - 1)}, ${from + 1}`;
}
