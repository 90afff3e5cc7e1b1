// Loss and validation loss over the epochs, beside those of a snapshot if one is compared.

import { computed, effect, html, signal, uPlot, useEffect, useRef } from "./vendor/vendor.mjs";
import { onFrame, useSlowly } from "./canvas.mjs";
import { ink } from "./colours.mjs";
import { changes } from "./changes.mjs";
import { evenly, short } from "./numbers.mjs";
import { blocks, dark, head, keep, kept, settings, snapshots, table, view } from "./store.mjs";
import { Unfold } from "./unfold.mjs";

/** @import {Block} from "./types.mjs" */

/** @typedef {(number | null)[]} Numbers */

const HEIGHT = 190;
const ROWS = 20; // of the table
const LEAST_SPAN = 1e-3; // of the largest loss

const logarithmic = signal(kept("log-loss") === "yes");

/** The point of the curve under the pointer; null shows the last. */
const pointed = signal(/** @type {number | null} */ (null));

const compared = computed(() => {
  const { compare } = view.value;
  return compare === null ? undefined : snapshots.value.find(({ id }) => id === compare);
});

/**
 * The columns of a curve: epochs, loss, validation loss. What cannot be drawn is null.
 * @param {Block | undefined} block
 * @param {boolean} log
 * @returns {[number[], Numbers, Numbers]}
 */
export function columnsOf(block, log) {
  const count = block === undefined ? 0 : block.shape[0];
  const epochs = new Array(count);
  const loss = new Array(count);
  const validation = new Array(count);
  for (let k = 0; k < count; k += 1) {
    const numbers = /** @type {Block} */ (block);
    const [e, l, v] = [numbers[3 * k], numbers[3 * k + 1], numbers[3 * k + 2]];
    epochs[k] = e;
    loss[k] = Number.isFinite(l) && (!log || l > 0) ? l : null;
    validation[k] = Number.isFinite(v) && (!log || v > 0) ? v : null;
  }
  return [epochs, loss, validation];
}

const penalised = computed(() => settings.value.training.l1 > 0 || settings.value.training.l2 > 0);

/** All that is drawn, on common epochs. */
const data = computed(() => {
  const log = logarithmic.value;
  const own = columnsOf(blocks.value.get("curve"), log);
  if (compared.value === undefined) return own;
  return uPlot.join([own, columnsOf(blocks.value.get("curve_compared"), log)]);
});

/**
 * A line for every change of the settings on the way.
 * @param {uPlot} plot
 */
function drawChanges(plot) {
  const { left, top, width, height } = plot.bbox;
  const { ctx } = plot;
  ctx.save();
  ctx.strokeStyle = ink(dark.peek()).soft;
  ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
  for (const { epoch } of changes.peek()) {
    const x = Math.round(plot.valToPos(epoch, "x", true)) + 0.5;
    if (x < left || x > left + width) continue;
    ctx.beginPath();
    ctx.moveTo(x, top);
    ctx.lineTo(x, top + height);
    ctx.stroke();
  }
  ctx.restore();
}

/**
 * The range of the losses: never so small that their numbers would look the same.
 * @param {uPlot} _
 * @param {number | null} low
 * @param {number | null} high
 * @returns {[number, number]}
 */
function range(_, low, high) {
  if (low === null || high === null) return [0, 1];
  const least = LEAST_SPAN * Math.max(Math.abs(low), Math.abs(high));
  const missing = Math.max(0, least - (high - low)) / 2;
  return /** @type {[number, number]} */ (uPlot.rangeNum(low - missing, high + missing, 0.1, true));
}

/**
 * @param {number} width
 * @param {boolean} log
 * @param {boolean} isDark
 * @param {boolean} withOther
 * @returns {uPlot.Options}
 */
function options(width, log, isDark, withOther) {
  const colours = ink(isDark);
  const axis = {
    stroke: colours.soft,
    font: "11px system-ui, sans-serif",
    grid: { stroke: colours.line, width: 1 },
    ticks: { stroke: colours.line, width: 1, size: 4 },
  };
  /** @param {uPlot} plot */
  const few = (plot) => plot.data[0].length < 3; // no line would be seen
  const line = { width: 1.6, points: { show: few, size: 6 } };
  const other = { ...line, stroke: colours.compared, dash: [6, 4] };
  return {
    width,
    height: HEIGHT,
    padding: [8, 10, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    scales: { x: { time: false }, y: log ? { distr: 3 } : { range } },
    axes: [
      { ...axis, size: 26, gap: 3 },
      {
        ...axis,
        size: 50,
        gap: 4,
        values: (_, values) => log
          ? values.map((value) => value === null ? "" : short(value, 1))
          : evenly(values),
      },
    ],
    series: [
      {},
      { ...line, stroke: colours.train },
      { ...line, stroke: colours.validation },
      ...(withOther ? [other, { ...other, dash: [2, 3] }] : []),
    ],
    hooks: {
      draw: [drawChanges],
      setCursor: [(plot) => { pointed.value = plot.cursor.idx ?? null; }],
    },
  };
}

/**
 * Keep a plot in an element: as wide as it, and drawn anew for other colours and scales.
 * @param {HTMLElement} place
 */
function plotIn(place) {
  /** @type {uPlot | null} */
  let plot = null;
  let width = 0;
  const update = () => plot?.setData(data.peek());
  const observer = new ResizeObserver(([entry]) => {
    width = Math.floor(entry.contentRect.width);
    if (width > 0) onFrame(() => plot?.setSize({ width, height: HEIGHT }));
  });
  const make = effect(() => {
    const [log, isDark, withOther] = [logarithmic.value, dark.value, compared.value !== undefined];
    plot?.destroy();
    width ||= Math.floor(place.clientWidth);
    plot = new uPlot(options(width, log, isDark, withOther), data.peek(), place);
  });
  const follow = effect(() => {
    void data.value;
    void changes.value;
    onFrame(update);
  });
  observer.observe(place);
  return () => {
    observer.disconnect();
    make();
    follow();
    plot?.destroy();
    plot = null;
    pointed.value = null;
  };
}

function Plot() {
  const place = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => plotIn(/** @type {HTMLElement} */ (place.current)), []);
  const said = useSlowly(description, 1000);
  return html`<div ref=${place} class="curve-plot" role="img" aria-label=${said}></div>`;
}

function description() {
  const { loss, validation_loss: validation, epoch } = head.value;
  const other = validation === null ? "" : `, validation loss ${short(validation)}`;
  return `Loss over epochs. After ${epoch} epochs: loss ${short(loss)}${other}. `
    + "The same as a table below.";
}

/**
 * The last number of a column that is one.
 * @param {ArrayLike<number | null | undefined>} column
 */
function lastOf(column) {
  for (let k = column.length - 1; k >= 0; k -= 1) {
    if (column[k] !== null && column[k] !== undefined) return column[k];
  }
  return null;
}

/** The colours, and the numbers under the pointer, or the last ones. */
function Key() {
  const numbers = useSlowly(() => {
    const columns = data.value;
    const at = pointed.value;
    const numbers = at === null || at >= columns[0].length ? columns.map(lastOf)
      : columns.map((column) => column[at]);
    return numbers;
  }, 100);
  const other = compared.value;
  const epoch = numbers[0];
  return html`
    <ul class="key">
      <li><span class="line train" aria-hidden="true"></span>loss <b>${short(numbers[1])}</b></li>
      ${table.value.rows.validation > 0 && html`
        <li><span class="line validation" aria-hidden="true"></span>validation <b>${short(numbers[2])}</b></li>`}
      ${other !== undefined && html`
        <li title=${other.name}><span class="line compared" aria-hidden="true"></span>
          <span class="key-name">${other.name}</span>
          <b>${short(numbers[3])}${numbers[4] == null ? "" : ` · ${short(numbers[4])}`}</b></li>`}
      <li class="note">epoch ${short(epoch ?? 0)}</li>
    </ul>`;
}

/**
 * Rows of the table: the first, the last, and some evenly between.
 * @param {number} count
 */
export function thinned(count) {
  if (count <= ROWS) return Array.from({ length: count }, (_, k) => k);
  return Array.from({ length: ROWS }, (_, k) => Math.round((k * (count - 1)) / (ROWS - 1)));
}

function Rows() {
  const columns = useSlowly(() => columnsOf(blocks.value.get("curve"), false), 1000);
  return html`
    <div class="scroll tall" tabindex="0" role="group" aria-label="Loss by epoch">
    <table class="numbers">
      <thead><tr>
        <th scope="col">Epoch</th><th scope="col">Loss</th><th scope="col">Validation loss</th>
      </tr></thead>
      <tbody>${thinned(columns[0].length).map((k) => html`
        <tr key=${k}>
          <th scope="row">${short(columns[0][k], 4)}</th>
          <td>${short(columns[1][k], 4)}</td><td>${short(columns[2][k], 4)}</td>
        </tr>`)}
      </tbody>
    </table></div>`;
}

function Changes() {
  const known = changes.value;
  if (known.length === 0) return null;
  return html`
    <${Unfold} title=${`Settings changed on the way (${known.length})`}>
      <ul class="changes">${known.map(({ epoch, text }) => html`
        <li>epoch ${short(epoch, 4)}: ${text}</li>`)}</ul>
    <//>`;
}

/** Loss over epochs. */
export function Curve() {
  return html`
    <div class="curve">
      <${Key} />
      <${Plot} />
      <label class="tick"><input type="checkbox" checked=${logarithmic.value} onChange=${(
        /** @type {Event} */ event) => {
          logarithmic.value = /** @type {HTMLInputElement} */ (event.currentTarget).checked;
          keep("log-loss", logarithmic.value ? "yes" : null);
        }} />Logarithmic</label>
      <p class="hint">The loss of an epoch is the mean over its batches, each taken before its
        step${penalised.value ? ", with the penalty on the weights" : ""}; the validation loss is
        taken after the last one${penalised.value ? ", without it" : ""}.</p>
      <${Changes} />
      <${Unfold} title="As a table"><${Rows} /><//>
    </div>`;
}
