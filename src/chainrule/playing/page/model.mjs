// The network: its layers, above the drawing, and what else makes it, below.

import { computed, html } from "./vendor/vendor.mjs";
import { Choice, NumberField, Toggle, useError } from "./fields.mjs";
import { change, errors, network, options, settings, table } from "./store.mjs";
import { count, some, words } from "./words.mjs";

/** @import {NetworkSettings} from "./types.mjs" */

const FIRST_SIZE = 4; // neurons of the first layer that is added
const WITH_PARAMETER = /** @type {Record<string, [string, string]>} */ ({
  huber: ["Linear beyond", "1"], quantile: ["Quantile", "0.5"],
});

/**
 * @param {Partial<NetworkSettings>} part
 * @param {string} [at]
 */
function set(part, at) {
  return change({ network: part }, at);
}

/**
 * The hidden layers as the page shows them.
 * @returns {[size: number, activation: string][]}
 */
function layers() {
  const { hidden_layer_sizes: sizes, hidden } = settings.peek().network;
  return sizes.map((size, layer) => [size, hidden[layer] ?? hidden.at(-1) ?? "tanh"]);
}

/**
 * @param {[size: number, activation: string][]} wanted
 * @param {string} [at]
 */
function setLayers(wanted, at) {
  return set({
    hidden_layer_sizes: wanted.map(([size]) => size),
    hidden: wanted.map(([, activation]) => activation),
  }, at);
}

/** One more layer like the last, before the output. */
function addLayer() {
  const now = layers();
  return setLayers([...now, now.at(-1) ?? [FIRST_SIZE, "tanh"]], "network.hidden_layer_sizes");
}

/**
 * @param {object} props
 * @param {number} props.layer  0 is the first hidden one
 * @param {number} props.size
 * @param {string} props.activation
 */
function Layer({ layer, size, activation }) {
  const name = `Hidden layer ${layer + 1}`;
  /** @param {[size: number, activation: string]} wanted */
  const replace = (wanted, /** @type {string} */ at) =>
    setLayers(layers().map((now, k) => k === layer ? wanted : now), at);
  return html`
    <li class="layer" aria-label=${name}>
      <div class="layer-head">
        <span>Hidden ${layer + 1}</span>
        <button type="button" class="nudge" aria-label=${`Remove hidden layer ${layer + 1}`}
          title="Remove this layer"
          onClick=${() => setLayers(layers().filter((_, k) => k !== layer),
            "network.hidden_layer_sizes")}>×</button>
      </div>
      <${NumberField} label=${`Neurons of hidden layer ${layer + 1}`} className="bare"
        where=${`network.hidden_layer_sizes.${layer}`} value=${size}
        nudge=${(/** @type {number} */ now, /** @type {1 | -1} */ way) => Math.max(1, now + way)}
        set=${(/** @type {number} */ wanted) =>
          replace([wanted, activation], `network.hidden_layer_sizes.${layer}`)} />
      <${Choice} label=${`Activation of hidden layer ${layer + 1}`} className="bare"
        where=${`network.hidden.${layer}`} value=${activation}
        choices=${options.value.activations.map((other) => [other, words(other)])}
        set=${(/** @type {string} */ wanted) =>
          replace([size, wanted], `network.hidden.${layer}`)} />
    </li>`;
}

/** Whether there is a column for one more layer, before the output's. */
export const addable = computed(() => {
  const { hidden_layer_sizes: hidden, preset } = settings.value.network;
  return preset === null && hidden.length < (options.value.limits.hidden_layers ?? 10);
});

/** The layers in a row, as the drawing below has them. */
export function Layers() {
  const { sizes, output } = network.value;
  const { preset } = settings.value.network;
  useError("network.hidden_layer_sizes");
  useError("network.hidden");
  const message = errors.value.get("network.hidden_layer_sizes") ?? errors.value.get("network.hidden");
  return html`
    <div class="layers">
      <ol aria-label="Layers">
        <li class="layer end">
          <div class="layer-head"><span>Inputs</span></div>
          <p>${some(sizes[0], "number")}</p>
        </li>
        ${preset === null && layers().map(([size, activation], layer) => html`
          <${Layer} key=${layer} layer=${layer} size=${size} activation=${activation} />`)}
        ${addable.value && html`
          <li class="layer add">
            <button type="button" onClick=${addLayer} aria-label="Add a hidden layer"
              title="Add a hidden layer"><span aria-hidden="true">+</span> layer</button>
          </li>`}
        <li class="layer end">
          <div class="layer-head"><span>Output</span></div>
          <p>${some(sizes.at(-1) ?? 1, "neuron")}</p>
          <p>${words(output)}</p>
        </li>
      </ol>
      ${message && html`<p class="error" role="alert">${message}</p>`}
    </div>`;
}

/** Loss, seed and the rest of what makes the network. */
export function Model() {
  const { network: model, seed, dtype } = settings.value;
  const { losses, schemes } = options.value;
  const tooMany = table.value.classes.length > 2;
  const parameter = model.loss === null ? undefined : WITH_PARAMETER[model.loss];
  return html`
    <div class="fields wide">
      <${Choice} label="Loss function" where="network.loss" value=${model.loss}
        choices=${[[null, `automatic: ${words(network.value.loss)}`],
          ...losses.map((loss) => [loss, words(loss)])]}
        set=${(/** @type {string | null} */ loss) => set({ loss, loss_parameter: null })} />
      ${parameter && html`
        <${NumberField} label=${parameter[0]} where="network.loss_parameter"
          value=${model.loss_parameter} none=${parameter[1]}
          set=${(/** @type {number | null} */ value) => set({ loss_parameter: value })} />`}
      <${Choice} label="Initial weights" where="network.scheme" value=${model.scheme}
        choices=${schemes.map((scheme) => [scheme, words(scheme)])}
        set=${(/** @type {string} */ scheme) => set({ scheme })} />
      <${NumberField} label="Seed" where="seed" value=${seed}
        nudge=${(/** @type {number} */ now, /** @type {1 | -1} */ way) => Math.max(0, now + way)}
        set=${(/** @type {number} */ wanted) => change({ seed: wanted })} />
      <${Choice} label="Precision" where="dtype" value=${dtype}
        choices=${[["float32", "float32"], ["float64", "float64"]]}
        set=${(/** @type {"float32" | "float64"} */ wanted) => change({ dtype: wanted })} />
      <${Toggle} label="The document's neuron" where="network.preset"
        value=${model.preset === "neuron"}
        disabled=${tooMany && model.preset === null}
        hint=${tooMany ? "for two classes" : undefined}
        set=${(/** @type {boolean} */ wanted) => set({ preset: wanted ? "neuron" : null })} />
      <p class="hint">${count(network.value.n_parameters)} parameters</p>
    </div>`;
}
