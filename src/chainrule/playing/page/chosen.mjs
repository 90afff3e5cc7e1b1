// Which weight or neuron of the drawing is pointed at, and which is worked out.

import { computed, signal } from "./vendor/vendor.mjs";
import { fromWire, toWire } from "./layers.mjs";
import { openPanel } from "./panel.mjs";
import { look, view } from "./store.mjs";

/**
 * A neuron is [layer, neuron], a weight [layer, from, to], counted as in layers.mjs.
 * @typedef {{neuron: [number, number] | null, weight: [number, number, number] | null,
 *   x: number, y: number, left: boolean}} Pointed
 *   x and y are where its text stands, at the left of x or at the right.
 */

/** What the pointer or the focus is on, and where. */
export const pointed = signal(/** @type {Pointed | null} */ (null));

/** The neuron whose weights are listed. */
export const listed = signal(/** @type {[number, number] | null} */ (null));

// As texts, so that another part of the view does not draw anything anew.
const weightText = computed(() => JSON.stringify(view.value.worked?.weight ?? null));
const neuronText = computed(() => JSON.stringify(view.value.worked?.neuron ?? null));

/** The weight that the worked step follows. */
export const chosenWeight = computed(() =>
  /** @type {[number, number, number] | null} */ (fromWire(JSON.parse(weightText.value))));

/** The neuron that the worked step shows. */
export const chosenNeuron = computed(() =>
  /** @type {[number, number] | null} */ (fromWire(JSON.parse(neuronText.value))));

/**
 * Whether two places are the same.
 * @param {number[] | null} a
 * @param {number[] | null} b
 */
export function same(a, b) {
  return a !== null && b !== null && a.length === b.length && a.every((k, i) => k === b[i]);
}

/** @param {{weight?: [number, number, number] | null, neuron?: [number, number] | null}} of */
function work({ weight = null, neuron = null }) {
  const now = view.peek().worked ?? { part: "train", row: 0 };
  if (weight !== null || neuron !== null) openPanel("worked");
  look({
    worked: {
      ...now,
      weight: /** @type {[number, number, number] | null} */ (toWire(weight)),
      neuron: /** @type {[number, number] | null} */ (toWire(neuron)),
    },
  });
}

/**
 * Have a weight worked out; the same again lets it go.
 * @param {[number, number, number]} weight
 */
export function chooseWeight(weight) {
  listed.value = [weight[0], weight[2]];
  work(same(weight, chosenWeight.peek()) ? {} : { weight });
}

/**
 * Have a neuron worked out; the same again lets it go.
 * @param {[number, number]} neuron
 */
export function chooseNeuron(neuron) {
  listed.value = neuron;
  work(same(neuron, chosenNeuron.peek()) ? {} : { neuron });
}
