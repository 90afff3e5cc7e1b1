// The prediction over two columns of the table, the others held, with the rows as points.

import { computed, effect, html, signal, useEffect, useId, useRef } from "./vendor/vendor.mjs";
import { drawAxes, inside } from "./axes.mjs";
import { useCanvas, useSlowly } from "./canvas.mjs";
import { ink } from "./colours.mjs";
import { bandsOf, columnOf, columnText } from "./columns.mjs";
import { Held } from "./held.mjs";
import { Legend } from "./legend.mjs";
import { short } from "./numbers.mjs";
import { picture, tonesNow, valueText } from "./pixels.mjs";
import { pointLayer } from "./points.mjs";
import { blocks, dark, head, keep, kept, look, snapshots, status, table, view } from "./store.mjs";
import { Unfold } from "./unfold.mjs";

/**
 * @import {Axis, Box} from "./axes.mjs"
 * @import {Pen} from "./canvas.mjs"
 * @import {SurfaceHead} from "./types.mjs"
 */

const SIZE = 100; // cells each way

/** Whether cells flow into one another; a choice of this browser. */
const smooth = signal(kept("smooth") === "yes");

/** The cell under the pointer, or where the arrow keys have led: row from the lowest, column. */
const cross = signal(/** @type {[number, number] | null} */ (null));

/** The columns that an axis can show. */
const axes = computed(() => table.value.columns.filter((column) => column.used));

/** Whether the run that is compared has nothing to show over these two columns. */
const cannotCompare = computed(() =>
  blocks.value.has("curve_compared") && head.value.surface_compared === undefined);

/** Look at two columns of this table: the same as before where it has them, else numbers. */
function settle() {
  const numeric = axes.value.filter(({ kind }) => kind === "numeric");
  const names = [...new Set([...numeric, ...axes.value].map((column) => column.name))];
  if (names.length === 0) return;
  const now = view.peek().surface;
  const x = now !== null && names.includes(now.x) ? now.x : names[0];
  const other = names.find((name) => name !== x) ?? x;
  const y = now !== null && names.includes(now.y) && now.y !== x ? now.y : other;
  const held = Object.fromEntries(Object.entries(now?.held ?? {})
    .filter(([name]) => names.includes(name)));
  if (now === null || x !== now.x || y !== now.y) {
    look({ surface: { x, y, held, size: SIZE } });
  }
}

/**
 * @param {SurfaceHead} surface
 * @param {"x" | "y"} which
 * @returns {Axis}
 */
function axisOf(surface, which) {
  const name = surface[which];
  const [low, high] = which === "x" ? surface.x_range : surface.y_range;
  // Over a single column the height says nothing.
  if (which === "y" && surface.x === surface.y) return { name: "", low, high, texts: [] };
  const bands = bandsOf(name);
  return {
    name, low, high,
    texts: bands.length > 0 ? bands : undefined,
    write: columnOf(name)?.kind === "date" ? (value) => columnText(name, value) : undefined,
  };
}

/**
 * @param {Pen} pen
 * @param {Box} box
 * @param {number[]} shape
 */
function drawCross({ context }, box, [rows, columns]) {
  if (cross.peek() === null) return;
  const [i, j] = /** @type {[number, number]} */ (cross.peek());
  const x = box.left + (box.width * (j + 0.5)) / columns;
  const y = box.top + box.height * (1 - (i + 0.5) / rows);
  const colours = ink(dark.peek());
  for (const [colour, width] of /** @type {const} */ ([[colours.paper, 3], [colours.text, 1]])) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    context.moveTo(box.left, y);
    context.lineTo(box.left + box.width, y);
    context.moveTo(x, box.top);
    context.lineTo(x, box.top + box.height);
    context.stroke();
  }
}

/**
 * One surface with its points.
 * @param {{which: "surface" | "surface_compared", name: string}} props
 */
function Plot({ which, name }) {
  const parts = useRef(/** @type {any} */ (null));
  parts.current ??= { picture: picture(), points: pointLayer(), box: null };
  const canvas = useCanvas(
    () => [head.value, dark.value, smooth.value, cross.value],
    (pen) => {
      const { [which]: surface, points } = head.peek();
      const block = blocks.peek().get(which);
      if (surface === undefined || block === undefined) return;
      const tones = tonesNow();
      const x = axisOf(surface, "x");
      const y = axisOf(surface, "y");
      const box = inside(pen.width, pen.height);
      parts.current.box = box;
      parts.current.picture.paint(block, surface, tones, dark.peek());
      pen.context.imageSmoothingEnabled = smooth.peek();
      pen.context.drawImage(parts.current.picture.canvas, box.left, box.top, box.width, box.height);
      if (points !== undefined) {
        parts.current.points.draw(pen, box, x, y, blocks.peek(), tones, dark.peek());
      }
      drawCross(pen, box, block.shape);
      drawAxes(pen, box, x, y, dark.peek());
    });
  /** @param {PointerEvent} event */
  const follow = (event) => {
    const box = /** @type {Box | null} */ (parts.current.box);
    const shape = blocks.peek().get(which)?.shape;
    if (box === null || shape === undefined) return;
    const j = Math.floor((shape[1] * (event.offsetX - box.left)) / box.width);
    const i = Math.floor(shape[0] * (1 - (event.offsetY - box.top) / box.height));
    const within = i >= 0 && i < shape[0] && j >= 0 && j < shape[1];
    cross.value = within ? [i, j] : null;
  };
  const described = useSlowly(() => description(which), 1000);
  return html`
    <figure class="plot">
      ${name !== "" && html`<figcaption class="plot-name" title=${name}>${name}</figcaption>`}
      <canvas ref=${canvas} class="plot-canvas square" role="img" aria-label=${described}
        onPointerMove=${follow} onPointerDown=${follow}
        onPointerLeave=${() => { cross.value = null; }}></canvas>
    </figure>`;
}

/** @param {"surface" | "surface_compared"} which */
function description(which) {
  const surface = head.value[which];
  const { rows, target } = table.value;
  if (surface === undefined) return "Prediction: not there yet";
  const range = (/** @type {[number, number]} */ [low, high]) => `${short(low)} to ${short(high)}`;
  return `Prediction of ${target} over ${surface.x} (${range(surface.x_range)}) and ${surface.y} `
    + `(${range(surface.y_range)}), with ${rows.train} rows of training and ${rows.validation} `
    + "of validation as points";
}

/** What is under the cross, as text. */
function readout() {
  const { surface, surface_compared: other } = head.value;
  const block = blocks.value.get("surface");
  const at = cross.value;
  if (at === null || surface === undefined || block === undefined) return "";
  const [rows, columns] = block.shape;
  const [i, j] = at;
  if (i >= rows || j >= columns) return "";
  const value = (/** @type {[number, number]} */ [low, high], /** @type {number} */ k,
    /** @type {number} */ n) => low + ((k + 0.5) / n) * (high - low);
  const x = `${surface.x} ${columnText(surface.x, value(surface.x_range, j, columns))}`;
  const y = `${surface.y} ${columnText(surface.y, value(surface.y_range, i, rows))}`;
  const place = surface.x === surface.y ? x : `${x}, ${y}`;
  const here = valueText(block, surface, table.value, i, j);
  const kept = blocks.value.get("surface_compared");
  if (view.value.compare === null || other === undefined || kept === undefined) {
    return `${place}: ${here}`;
  }
  return `${place}: now ${here}, kept ${valueText(kept, other, table.value, i, j)}`;
}

/** @param {KeyboardEvent} event */
function move(event) {
  const by = { ArrowUp: [1, 0], ArrowDown: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[event.key];
  if (event.key === "Escape") cross.value = null;
  if (by === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  const [rows, columns] = blocks.peek().get("surface")?.shape ?? [SIZE, SIZE];
  const far = event.shiftKey ? 10 : 1;
  const [i, j] = cross.peek() ?? [Math.floor(rows / 2) - by[0] * far, Math.floor(columns / 2) - by[1] * far];
  cross.value = [
    Math.min(rows - 1, Math.max(0, i + by[0] * far)),
    Math.min(columns - 1, Math.max(0, j + by[1] * far)),
  ];
}

function Readout() {
  const text = useSlowly(readout, 150);
  const live = status.value === "playing" ? "off" : "polite";
  return html`
    <p class="readout" aria-live=${live}>
      ${text || html`<span class="note">Point at the picture, or move with the arrow keys.</span>`}
    </p>`;
}

const MOST_BANDS = 12; // of the table

/**
 * Where the table looks at an axis: at its ends and its middle, or at every band.
 * @param {string} name
 * @param {[number, number]} range
 * @param {number} count  of cells
 * @returns {{text: string, cell: number}[]}
 */
function stops(name, [low, high], count) {
  const bands = bandsOf(name);
  const values = bands.length === 0 ? [low, (low + high) / 2, high]
    : bands.slice(0, MOST_BANDS).map((_, k) => k);
  return values.map((value) => ({
    text: columnText(name, value),
    cell: Math.min(count - 1, Math.floor((count * (value - low)) / (high - low || 1))),
  }));
}

/** The values at the corners, the edges and the centre as a table. */
function Values() {
  const shown = useSlowly(() => ({ block: blocks.value.get("surface"), surface: head.value.surface }), 500);
  const { block, surface } = shown;
  if (block === undefined || surface === undefined) return null;
  const [rows, columns] = block.shape;
  const along = stops(surface.x, surface.x_range, columns);
  const single = surface.x === surface.y;
  const upward = single ? [{ text: "prediction", cell: 0 }] : stops(surface.y, surface.y_range, rows);
  return html`
    <div class="scroll" tabindex="0" role="group" aria-label="Values of the prediction">
    <table class="numbers">
      <thead><tr>
        <th scope="col">${single ? surface.x : `${surface.y} \\ ${surface.x}`}</th>
        ${along.map(({ text }) => html`<th scope="col">${text}</th>`)}
      </tr></thead>
      <tbody>${upward.reverse().map((i) => html`
        <tr>
          <th scope="row">${i.text}</th>
          ${along.map((j) => html`
            <td>${valueText(block, surface, table.value, i.cell, j.cell)}</td>`)}
        </tr>`)}
      </tbody>
    </table></div>`;
}

/** @param {{which: "x" | "y"}} props */
function AxisChoice({ which }) {
  const id = useId();
  const now = view.value.surface;
  if (now === null) return null;
  /** @param {Event} event */
  const choose = (event) => {
    const name = /** @type {HTMLSelectElement} */ (event.currentTarget).value;
    const other = which === "x" ? "y" : "x";
    const swapped = name === now[other] ? { [other]: now[which] } : {};
    look({ surface: { ...now, ...swapped, [which]: name } });
  };
  return html`
    <div class="pair">
      <label for=${id}>${which === "x" ? "Across" : "Up"}</label>
      <select id=${id} value=${now[which]} onChange=${choose}>
        ${axes.value.map(({ name }) => html`
          <option value=${name} selected=${name === now[which]}>${name}</option>`)}
      </select>
    </div>`;
}

/** The prediction over two columns, with controls. */
export function Surface() {
  const help = useId();
  useEffect(() => {
    const stop = effect(settle);
    return () => {
      stop();
      cross.value = null;
      look({ surface: null });
    };
  }, []);
  const { compare } = view.value;
  const other = snapshots.value.find(({ id }) => id === compare);
  return html`
    <div class="surface">
      <div class="pairs"><${AxisChoice} which="x" />${
        axes.value.length > 1 && html`<${AxisChoice} which="y" />`}</div>
      <div class=${other === undefined ? "plots" : "plots two"} tabindex="0" role="group"
        aria-label="Prediction: the arrow keys move a cross, Escape takes it away"
        aria-describedby=${help} onKeyDown=${move}>
        <${Plot} which="surface" name=${other === undefined ? "" : "now"} />
        ${other !== undefined && (cannotCompare.value
          ? html`<p class="note">${other.name} predicts something else, or from other columns: its
              curve and its scores are compared, not its prediction.</p>`
          : html`<${Plot} which="surface_compared" name=${other.name} />`)}
      </div>
      <div id=${help}><${Readout} /></div>
      <${Legend} />
      <${Held} />
      <label class="tick"><input type="checkbox" checked=${smooth.value} onChange=${(
        /** @type {Event} */ event) => {
          smooth.value = /** @type {HTMLInputElement} */ (event.currentTarget).checked;
          keep("smooth", smooth.value ? "yes" : null);
        }} />Smooth between the cells</label>
      <${Unfold} title="As a table"><${Values} /><//>
    </div>`;
}
