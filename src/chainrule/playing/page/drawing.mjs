// The network: layers as columns, weights as curves, neurons with maps of their response.
// One canvas shows it all; buttons without a face lie over the neurons.

import { computed, effect, html, signal, useEffect, useRef } from "./vendor/vendor.mjs";
import { useCanvas } from "./canvas.mjs";
import {
  chooseNeuron, chooseWeight, chosenNeuron, chosenWeight, listed, pointed, same,
} from "./chosen.mjs";
import { edgesOf, MOST_EDGES, nearest, strongest } from "./edges.mjs";
import { layerName, outputName } from "./layers.mjs";
import { addable, Layers } from "./model.mjs";
import { mapSheet, paintEdges, paintNeurons } from "./painting.mjs";
import { planOf } from "./places.mjs";
import { blocks, dark, head, look, network, table, view } from "./store.mjs";
import { count } from "./words.mjs";
import { neuronName, Tip, WeightList } from "./weights.mjs";

/**
 * @import {Column, Place} from "./places.mjs"
 * @import {Edge} from "./edges.mjs"
 */

const room = signal(0);
const open = signal(/** @type {ReadonlySet<number>} */ (new Set()));
const withMaps = computed(() => head.value.maps !== undefined);


/** The sizes as text, so that the same network sent again changes nothing. */
const sizesText = computed(() => JSON.stringify(network.value.sizes));

/** Where everything stands; anew for another network or another width. */
const plan = computed(() => planOf(
  JSON.parse(sizesText.value), open.value, room.value, withMaps.value, addable.value));
const edges = computed(() => edgesOf(plan.value, network.value));
const total = computed(() => {
  const { sizes } = network.value;
  return sizes.slice(1).reduce((sum, size, l) => sum + size * sizes[l], 0);
});
const known = computed(() => blocks.value.get("parameters")?.length === network.value.n_parameters);

const pointing = computed(() => pointed.value !== null && pointed.value.weight !== null);

let drawn = /** @type {Edge[]} */ ([]);

/** @param {number} column */
function toggle(column) {
  const now = new Set(open.peek());
  if (!now.delete(column)) now.add(column);
  open.value = now;
}

/** All that is painted. */
function Picture() {
  const sheet = useRef(/** @type {ReturnType<typeof mapSheet> | null} */ (null));
  sheet.current ??= mapSheet();
  const canvas = useCanvas(
    () => [blocks.value, plan.value, dark.value, pointed.value, chosenNeuron.value, chosenWeight.value],
    (pen) => {
      const net = network.peek();
      const numbers = blocks.peek().get("parameters");
      const parameters = numbers?.length === net.n_parameters ? numbers : undefined;
      const ill = view.peek().histograms ? head.peek().ill ?? [] : [];
      const maps = /** @type {ReturnType<typeof mapSheet>} */ (sheet.current);
      maps.paint(blocks.peek().get("maps"), head.peek().maps, dark.peek());
      drawn = parameters === undefined ? [] : strongest(edges.peek(), parameters);
      if (parameters !== undefined) paintEdges(pen, drawn, parameters, dark.peek());
      paintNeurons(pen, plan.peek(), net, parameters, maps, ill, dark.peek());
    });
  return html`<canvas ref=${canvas} class="drawing-canvas" aria-hidden="true"></canvas>`;
}

/** The neuron that the tab key leads to; arrow keys go on from it. */
const reached = computed(() => {
  const { columns } = plan.value;
  const at = listed.value;
  const there = at !== null && columns[at[0] + 1]?.shown.some(({ neuron }) => neuron === at[1]);
  return there ? at : [0, columns[1].shown[0].neuron];
});

/**
 * Go to another neuron with the arrow keys.
 * @param {KeyboardEvent} event
 */
function walk(event) {
  const by = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
  const from = /** @type {HTMLElement} */ (event.currentTarget);
  if (by === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  const [column, neuron] = (from.dataset.place ?? "").split(" ").map(Number);
  const { columns } = plan.peek();
  const k = columns[column].shown.findIndex((place) => place.neuron === neuron);
  const here = columns[column].shown[k];
  const next = by[0] === 0 ? columns[column].shown[k + by[1]]
    : column + by[0] === 0 ? undefined
    : [...(columns[column + by[0]]?.shown ?? [])].sort((a, b) => Math.abs(a.y - here.y) - Math.abs(b.y - here.y))[0];
  if (next === undefined) return;
  const to = from.parentElement?.querySelector(`[data-place="${next.column} ${next.neuron}"]`);
  if (to instanceof HTMLElement) to.focus();
}

/** @param {{column: Column, place: Place}} props */
function Neuron({ column, place }) {
  const { neuron, x, y } = place;
  const layer = column.column - 1;
  const size = Math.max(column.cell, 16);
  const style = { left: `${x - size / 2}px`, top: `${y - size / 2}px`, width: `${size}px`, height: `${size}px` };
  const here = () => {
    const left = x > plan.peek().width / 2;
    pointed.value = {
      neuron: [layer, neuron], weight: null, x: x + (left ? -1 : 1) * (size / 2 + 8), y: y + 10, left,
    };
  };
  const away = () => { pointed.value = null; };
  return html`
    <button type="button" class="neuron" style=${style} data-place=${`${column.column} ${neuron}`}
      tabindex=${same([layer, neuron], reached.value) ? 0 : -1} onKeyDown=${walk}
      aria-label=${neuronName(layer, neuron)} aria-describedby="drawing-tip"
      aria-pressed=${same([layer, neuron], chosenNeuron.value)}
      onPointerEnter=${here} onPointerLeave=${away}
      onFocus=${() => { here(); listed.value = [layer, neuron]; }} onBlur=${away}
      onClick=${() => chooseNeuron([layer, neuron])}></button>`;
}

/** @param {{column: Column}} props */
function Fold({ column: { column, folding, gap, folds, top } }) {
  if (!folds) return null;
  const y = gap === null ? top - 14 : gap.y;
  const text = gap === null ? "fold" : `\u2026 ${count(gap.count)} more`;
  const name = column === 0 ? "inputs" : layerName(column - 1);
  return html`
    <button type="button" class="fold" style=${{ left: `${folding}px`, top: `${y}px` }}
      aria-expanded=${gap === null} aria-label=${`${text}: ${name}`}
      onClick=${() => toggle(column)}>${text}</button>`;
}

/**
 * A name that fits: its middle is left out, as ends tell "size=small" from "size=large".
 * @param {string} name
 * @param {number} width
 */
function cut(name, width) {
  const most = Math.floor(width / 6.4); // pixels of a letter
  if (name.length <= most) return name;
  const half = Math.max(1, Math.floor((most - 1) / 2));
  return `${name.slice(0, half)}\u2026${name.slice(-half)}`;
}

/** The names of the inputs at the left, of the outputs at the right. */
function Names() {
  const { columns, width } = plan.value;
  const last = columns[columns.length - 1];
  /** @param {number} x */
  const right = (x) => width - x - last.cell / 2 - 8;
  return html`
    <div aria-hidden="true">
      ${columns[0].shown.map(({ neuron, x, y }) => html`
        <span class="input-name" key=${`i${neuron}`} title=${table.value.inputs[neuron]}
          style=${{ width: `${x - columns[0].cell / 2 - 6}px`, top: `${y}px` }}>${
            cut(table.value.inputs[neuron] ?? "", x - columns[0].cell / 2 - 6)}</span>`)}
      ${last.shown.map(({ neuron, x, y }) => html`
        <span class="output-name" key=${`o${neuron}`} title=${outputName(neuron)}
          style=${{ left: `${x + last.cell / 2 + 7}px`, width: `${right(x)}px`, top: `${y}px` }}
          >${cut(outputName(neuron), right(x))}</span>`)}
    </div>`;
}

/** What is not drawn, and what the neurons show. */
function Said() {
  const shown = edges.value.reduce((sum, layer) => sum + layer.length, 0);
  const few = Math.min(shown, MOST_EDGES);
  const weights = !known.value ? `The ${count(total.value)} weights are too many to be drawn.`
    : few < total.value ? `${few} of ${count(total.value)} weights are drawn: the strongest of each layer.`
    : "";
  const neurons = withMaps.value ? "Each neuron shows its response over the two columns of the prediction."
    : known.value ? "The colour of a neuron is its bias." : "";
  return html`<p class="note">${weights} ${neurons}</p>`;
}

/** @param {PointerEvent} event */
function placeOf(event) {
  const box = /** @type {HTMLElement} */ (event.currentTarget).getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

/** @param {PointerEvent} event */
function follow(event) {
  if (event.target instanceof HTMLButtonElement) return;
  const { x, y } = placeOf(event);
  const edge = nearest(drawn, x, y);
  const left = x > plan.peek().width / 2;
  pointed.value = edge === null ? null
    : { neuron: null, weight: [edge.layer, edge.from, edge.to], x: x + (left ? -12 : 12), y: y + 12, left };
}

/**
 * Have the weight worked out that is pointed at; a finger has pointed at none before.
 * @param {PointerEvent} event
 */
function press(event) {
  if (event.target instanceof HTMLButtonElement) return;
  const { x, y } = placeOf(event);
  const near = nearest(drawn, x, y);
  const weight = pointed.peek()?.weight ?? (near && [near.layer, near.from, near.to]);
  if (weight) chooseWeight(/** @type {[number, number, number]} */ (weight));
}

/** The network as a drawing. */
export function Drawing() {
  const place = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    look({ maps: true });
    const observer = new ResizeObserver(([entry]) => { room.value = Math.floor(entry.contentRect.width); });
    observer.observe(/** @type {HTMLElement} */ (place.current));
    // Another network: nothing of the old one is pointed at or unfolded.
    const stop = effect(() => {
      void sizesText.value;
      pointed.value = null;
      listed.value = null;
      open.value = new Set();
    });
    return () => {
      observer.disconnect();
      stop();
      look({ maps: false });
    };
  }, []);
  const { width, height, columns } = plan.value;
  return html`
    <div class="drawing">
      <div class="drawing-scroll" ref=${place} role="group"
        aria-label="Drawing of the network: the arrow keys go from neuron to neuron">
        <div class="drawing-layers" style=${{ width: `${width}px` }}><${Layers} /></div>
        <div class=${pointing.value ? "drawing-inner pointing" : "drawing-inner"}
          style=${{ width: `${width}px`, height: `${height}px` }}
          onPointerMove=${follow} onPointerLeave=${() => { pointed.value = null; }} onClick=${press}>
          <${Picture} />
          <${Names} />
          ${columns.map((column) => html`<${Fold} key=${`f${column.column}`} column=${column} />`)}
          ${columns.slice(1).map((column) => column.shown.map((at) => html`
            <${Neuron} key=${`${column.column} ${at.neuron}`} column=${column} place=${at} />`))}
          <${Tip} />
        </div>
      </div>
      <${Said} />
      <${WeightList} />
    </div>`;
}
