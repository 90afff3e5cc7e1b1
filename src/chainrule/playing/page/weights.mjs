// The weights of the drawing in words: beside the pointer, and as a list for the keyboard.

import { computed, html } from "./vendor/vendor.mjs";
import { useSlowly } from "./canvas.mjs";
import { chooseWeight, chosenWeight, listed, pointed, same } from "./chosen.mjs";
import { biasAt, layerName, sourceName, weightAt } from "./layers.mjs";
import { short } from "./numbers.mjs";
import { blocks, network, table } from "./store.mjs";
import { Unfold } from "./unfold.mjs";
import { words } from "./words.mjs";

const MOST = 64; // weights of the list
const WAIT = 250; // milliseconds between two texts

/**
 * @param {number} layer
 * @param {number} neuron
 */
export function neuronName(layer, neuron) {
  if (layer < 0) return `Input ${neuron + 1}`;
  const { sizes } = network.value;
  return `${layerName(layer)}, neuron ${neuron + 1} of ${sizes[layer + 1]}`;
}

/**
 * @param {string} name
 * @param {number} at
 * @returns {number | null}
 */
function numberAt(name, at) {
  const numbers = blocks.value.get(name);
  return numbers === undefined || at >= numbers.length ? null : numbers[at];
}

/** What is pointed at, in lines. */
function linesOf() {
  const now = pointed.value;
  if (now === null) return [];
  const net = network.value;
  if (now.weight !== null) {
    const [layer, from, to] = now.weight;
    const at = weightAt(net, layer, from, to);
    return [
      `${sourceName(layer, from)} \u2192 ${layerName(layer)}, ${to + 1}`,
      `weight ${short(numberAt("parameters", at))}`,
      `gradient ${short(numberAt("gradient", at))}`,
    ];
  }
  if (now.neuron === null) return [];
  const [layer, neuron] = now.neuron;
  if (layer < 0) return [table.value.inputs[neuron] ?? `input ${neuron + 1}`];
  const at = biasAt(net, layer, neuron);
  return [
    neuronName(layer, neuron),
    words(net.activations[layer]),
    `bias ${short(numberAt("parameters", at))}`,
    `gradient ${short(numberAt("gradient", at))}`,
  ];
}

/** Beside the pointer: the weight or neuron, and its gradient. */
export function Tip() {
  const lines = useSlowly(linesOf, 100);
  const now = pointed.value;
  if (now === null || lines.length === 0) return html`<div id="drawing-tip" role="tooltip" hidden></div>`;
  return html`
    <div id="drawing-tip" role="tooltip" class=${now.left ? "tip left" : "tip"}
      style=${{ left: `${now.x}px`, top: `${now.y}px` }}>
      ${lines.map((line, k) => html`<div key=${k} class=${k === 0 ? "tip-title" : ""}>${line}</div>`)}
    </div>`;
}

/** The weights into the neuron of the list: the strongest where they are many. */
function rowsOf() {
  const of = listed.value;
  if (of === null) return [];
  const [layer, to] = of;
  const net = network.value;
  const all = Array.from({ length: net.sizes[layer] ?? 0 }, (_, from) => {
    const at = weightAt(net, layer, from, to);
    return { from, weight: numberAt("parameters", at), gradient: numberAt("gradient", at) };
  });
  if (all.length <= MOST) return all;
  return all.sort((a, b) => Math.abs(b.weight ?? 0) - Math.abs(a.weight ?? 0)).slice(0, MOST);
}

const valid = computed(() => {
  const of = listed.value;
  return of !== null && of[1] < (network.value.sizes[of[0] + 1] ?? 0) ? of : null;
});

/** The weights into one neuron as a list of buttons. */
export function WeightList() {
  const of = valid.value;
  if (of === null) {
    return html`<p class="note">Choose a neuron to list its weights; choose a weight to have it
      worked out.</p>`;
  }
  return html`
    <${Unfold} title=${`Weights into ${neuronName(...of)}`}><${Weights} of=${of} /><//>`;
}

/** @param {{of: [number, number]}} props */
function Weights({ of: [layer, to] }) {
  const rows = useSlowly(rowsOf, WAIT);
  const count = network.value.sizes[layer];
  return html`
    <div>
      ${rows.length < count && html`<p class="note">The ${rows.length} strongest of ${count}.</p>`}
      <div class="scroll tall">
      <table class="numbers">
        <thead><tr>
          <th scope="col">From</th><th scope="col">Weight</th><th scope="col">Gradient</th>
        </tr></thead>
        <tbody>${rows.map(({ from, weight, gradient }) => html`
          <tr key=${from}>
            <th scope="row"><button type="button" class="link"
              aria-pressed=${same([layer, from, to], chosenWeight.value)}
              onClick=${() => chooseWeight([layer, from, to])}>${sourceName(layer, from)}</button></th>
            <td>${short(weight)}</td><td>${short(gradient)}</td>
          </tr>`)}
        </tbody>
      </table></div>
    </div>`;
}
