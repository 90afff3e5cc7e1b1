// How weights, activations and gradients of each layer are distributed, which neurons are
// dead or saturated, and how large the gradient is from layer to layer.

import { computed, html, useEffect } from "./vendor/vendor.mjs";
import { useCanvas, useSlowly } from "./canvas.mjs";
import { ink } from "./colours.mjs";
import { layerName } from "./layers.mjs";
import { short } from "./numbers.mjs";
import { blocks, dark, head, look, network } from "./store.mjs";

/** @import {Histogram} from "./types.mjs" */

const KINDS = /** @type {const} */ (["weights", "activations", "gradients"]);
const WAIT = 250; // milliseconds between two texts
const SMALLEST = 1e-9; // the left end of the scale of gradients
const LARGEST = 10;

const histograms = computed(() => head.value.histograms ?? []);
const ill = computed(() => head.value.ill ?? []);
const layers = computed(() => network.value.sizes.slice(1).map((_, l) => l));

/**
 * @param {number} layer
 * @param {string} what
 */
function found(layer, what) {
  return histograms.value.find((one) => one.layer === layer + 1 && one.what === what);
}

/** @param {{layer: number, what: string}} props */
function Bars({ layer, what }) {
  const canvas = useCanvas(() => [histograms.value, dark.value], ({ context, width, height }) => {
    const one = found(layer, what);
    const colours = ink(dark.peek());
    context.fillStyle = colours.line;
    context.fillRect(0, height - 1, width, 1);
    if (one === undefined) return;
    const most = Math.max(1, ...one.counts);
    const wide = width / one.counts.length;
    context.fillStyle = colours.accent;
    one.counts.forEach((count, k) => {
      const tall = count === 0 ? 0 : Math.max(1.5, ((height - 2) * count) / most);
      context.fillRect(k * wide + 0.5, height - 1 - tall, Math.max(1, wide - 1), tall);
    });
    if (one.low < 0 && one.high > 0) {
      const zero = Math.round((width * -one.low) / (one.high - one.low)) + 0.5;
      context.strokeStyle = colours.soft;
      context.setLineDash([2, 2]);
      context.beginPath();
      context.moveTo(zero, 0);
      context.lineTo(zero, height);
      context.stroke();
      context.setLineDash([]);
    }
  });
  const one = useSlowly(() => found(layer, what), WAIT);
  return html`
    <figure class="histogram">
      <canvas ref=${canvas} class="histogram-canvas" role="img" aria-label=${said(layer, what, one)}></canvas>
      <figcaption class="ends">
        <span>${one === undefined ? "" : short(one.low, 2)}</span>
        <span class="note">${what}</span>
        <span>${one === undefined ? "" : short(one.high, 2)}</span>
      </figcaption>
    </figure>`;
}

/**
 * A histogram in words: where half of the numbers lie.
 * @param {number} layer
 * @param {string} what
 * @param {Histogram | undefined} one
 */
function said(layer, what, one) {
  const name = `${what} of ${layerName(layer)}`;
  if (one === undefined) return `${name}: not there yet`;
  const [quarter, middle, three] = [0.25, 0.5, 0.75].map((share) => quantile(one, share));
  return `${name}, from ${short(one.low)} to ${short(one.high)}: half of them between `
    + `${short(quarter)} and ${short(three)}, the middle near ${short(middle)}`;
}

/**
 * @param {Histogram} one
 * @param {number} share
 */
export function quantile({ low, high, counts }, share) {
  const wanted = share * counts.reduce((sum, count) => sum + count, 0);
  let before = 0;
  for (let k = 0; k < counts.length; k += 1) {
    if (before + counts[k] >= wanted && counts[k] > 0) {
      return low + ((k + (wanted - before) / counts[k]) * (high - low)) / counts.length;
    }
    before += counts[k];
  }
  return high;
}

/**
 * The root mean square of the gradient with respect to a layer's weights.
 * @param {number} layer
 * @returns {number | null}
 */
function gradientSize(layer) {
  const gradient = blocks.value.get("gradient");
  const { sizes, starts } = network.value;
  let [sum, count] = [0, 0];
  if (gradient !== undefined && gradient.length === network.value.n_parameters) {
    count = sizes[layer] * sizes[layer + 1];
    for (let k = starts[layer]; k < starts[layer] + count; k += 1) sum += gradient[k] ** 2;
  } else {
    const one = found(layer, "gradients");
    one?.counts.forEach((many, k) => {
      const value = one.low + ((k + 0.5) * (one.high - one.low)) / one.counts.length;
      sum += many * value ** 2;
      count += many;
    });
  }
  return count === 0 ? null : Math.sqrt(sum / count);
}

function Gradients() {
  const sizes = useSlowly(() => layers.value.map(gradientSize), WAIT);
  const span = Math.log10(LARGEST / SMALLEST);
  const marks = [1e-9, 1e-6, 1e-3, 1];
  return html`
    <section class="gradients" aria-label="Size of the gradient by layer">
      <h3>Size of the gradient</h3>
      <p class="note">Root mean square over the weights of each layer, on a logarithmic scale.
        Where it falls from layer to layer towards the input, the first layers hardly learn.</p>
      <table class="numbers bars">
        <tbody>${sizes.map((size, l) => {
          const share = size === null || size === 0 ? 0
            : Math.min(1, Math.max(0.01, Math.log10(size / SMALLEST) / span));
          return html`
            <tr key=${l}>
              <th scope="row">${layerName(l)}</th>
              <td class="wide"><span class="track"><span class="fill"
                style=${{ width: `${100 * share}%` }}></span></span></td>
              <td>${short(size, 2)}</td>
            </tr>`;
        })}
        <tr aria-hidden="true" class="scale"><td></td><td class="wide"><span class="track-marks">
          ${marks.map((value) => html`<span style=${{
            left: `${(100 * Math.log10(value / SMALLEST)) / span}%` }}>${
            value === 1 ? "1" : `1e\u2212${-Math.log10(value)}`}</span>`)}
        </span></td><td></td></tr>
        </tbody>
      </table>
    </section>`;
}

function Ill() {
  const now = useSlowly(() => ill.value, 1000);
  if (now.length === 0) return html`<p class="note">No neuron is dead or saturated.</p>`;
  return html`
    <ul class="ill scroll" tabindex="0" aria-label="Dead and saturated neurons">
      ${now.map(({ layer, neuron, what, text }) => html`
        <li key=${`${layer} ${neuron}`} class=${what}>${text}</li>`)}
    </ul>`;
}

/** Distributions of weights, activations and gradients. */
export function Spread() {
  useEffect(() => {
    look({ histograms: true });
    return () => look({ histograms: false });
  }, []);
  return html`
    <div class="spread">
      <${Ill} />
      ${layers.value.map((l) => html`
        <section key=${l} class="spread-layer">
          <h3>${layerName(l)}</h3>
          <div class="histograms">
            ${KINDS.map((what) => html`<${Bars} key=${what} layer=${l} what=${what} />`)}
          </div>
        </section>`)}
      <${Gradients} />
    </div>`;
}
