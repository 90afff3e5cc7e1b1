// How good the network is: scores, the confusion matrix, predicted against actual.

import { computed, html, signal, useEffect, useId } from "./vendor/vendor.mjs";
import { across, drawAxes, inside, up } from "./axes.mjs";
import { useCanvas, useSlowly } from "./canvas.mjs";
import { css, ink, readable, shade } from "./colours.mjs";
import { percent, short } from "./numbers.mjs";
import { drawPoint, radiusOf } from "./points.mjs";
import { blocks, dark, head, look, snapshots, table, view } from "./store.mjs";
import { count, words } from "./words.mjs";

/** @import {Metrics} from "./types.mjs" */

/** Names that users know, and how a score is written. */
export const NAMES = /** @type {Record<string, [string, (value: number | null) => string]>} */ ({
  accuracy: ["Accuracy", percent],
  log_loss: ["Log loss", short],
  roc_auc: ["ROC AUC", short],
  rmse: ["RMSE", short],
  mae: ["Mean absolute error", short],
  r2: ["R\u00b2", short],
});

const WAIT = 200; // milliseconds between two texts

const part = signal(/** @type {"train" | "validation"} */ ("validation"));

const metrics = computed(() => head.value.metrics);
const isNumber = computed(() => table.value.task === "regression");

/** @param {{metrics: Metrics}} props */
function Table({ metrics: { train, validation, rows } }) {
  const other = snapshots.value.find(({ id }) => id === view.value.compare);
  const kept = other?.scores;
  const all = table.value.rows;
  const unit = isNumber.value ? `, errors in units of ${table.value.target}` : "";
  const some = rows !== undefined && (rows.train < all.train || rows.validation < all.validation)
    ? `, on ${count(rows.train)} and ${count(rows.validation)} of the rows` : "";
  return html`
    <table class="numbers scores-table">
      <caption class="note">At the present step${unit}${some}</caption>
      <thead><tr>
        <th scope="col">Score</th><th scope="col">Training</th>
        ${validation !== null && html`<th scope="col">Validation</th>`}
        ${other !== undefined && html`
          <th scope="col" title=${`${other.name}, rows of ${kept?.part}`}>Compared</th>`}
      </tr></thead>
      <tbody>${Object.keys(train).map((key) => {
        const [name, write] = NAMES[key] ?? [words(key), short];
        return html`
          <tr key=${key}>
            <th scope="row">${name}</th>
            <td>${write(train[key])}</td>
            ${validation !== null && html`<td>${write(validation[key])}</td>`}
            ${other !== undefined && html`<td>${write(typeof kept?.[key] === "number" ? kept[key] : null)}</td>`}
          </tr>`;
      })}</tbody>
    </table>`;
}

/** The choice between the rows of training and of validation. */
function Part() {
  const id = useId();
  return html`
    <div class="pair">
      <label for=${id}>Rows of</label>
      <select id=${id} value=${part.value} onChange=${(/** @type {Event} */ event) => {
        part.value = /** @type {any} */ (event.currentTarget).value;
      }}>
        <option value="train" selected=${part.value === "train"}>training</option>
        <option value="validation" selected=${part.value === "validation"}>validation</option>
      </select>
    </div>`;
}

/**
 * @param {number} rows
 * @param {number} most
 * @param {boolean} isDark
 */
function heat(rows, most, isDark) {
  if (rows === 0 || most === 0) return {};
  const share = 0.12 + (0.88 * rows) / most;
  const strong = shade("sequential", share, isDark);
  return { background: css(strong), color: readable(strong) };
}

/** @param {{confusion: NonNullable<Metrics["confusion"]>}} props */
function Confusion({ confusion }) {
  const of = part.value === "validation" && confusion.validation !== null ? "validation" : "train";
  const counts = /** @type {number[][]} */ (confusion[of]);
  const { classes } = confusion;
  const totals = counts.map((row) => row.reduce((sum, many) => sum + many, 0));
  return html`
    <div class="scroll tall" tabindex="0" role="group" aria-label="Confusion matrix">
    <table class="numbers confusion" aria-label="How many rows of each class were taken for which">
      <thead>
        <tr><td class="over"></td><th class="over" scope="colgroup" colspan=${classes.length}>Predicted</th></tr>
        <tr><th scope="col">Actual</th>
          ${classes.map((name) => html`<th scope="col" key=${name} title=${name}>
            <span class="class-name">${name}</span></th>`)}
        </tr>
      </thead>
      <tbody>${counts.map((row, i) => html`
        <tr key=${i}>
          <th scope="row" title=${classes[i]}><span class="class-name">${classes[i]}</span></th>
          ${row.map((many, j) => html`
            <td key=${j} class=${i === j ? "right" : ""} style=${heat(many, totals[i], dark.value)}
              title=${`${count(many)} of ${count(totals[i])} ${classes[i]} taken for ${classes[j]}`}
              >${count(many)}</td>`)}
        </tr>`)}
      </tbody>
    </table></div>`;
}

/** Predicted against actual, with the diagonal on which they are equal. */
function Scatter() {
  const canvas = useCanvas(() => [blocks.value, dark.value], (pen) => {
    const pairs = blocks.peek().get("predicted_actual");
    const parts = blocks.peek().get("predicted_part");
    if (pairs === undefined) return;
    const box = inside(pen.width, pen.height);
    const [low, high] = rangeOf(pairs);
    const x = { name: "actual", low, high };
    const y = { name: "predicted", low, high };
    const colours = ink(dark.peek());
    const { context } = pen;
    context.save();
    context.beginPath();
    context.rect(box.left, box.top, box.width, box.height);
    context.clip();
    context.strokeStyle = colours.soft;
    context.setLineDash([5, 4]);
    context.beginPath();
    context.moveTo(box.left, box.top + box.height);
    context.lineTo(box.left + box.width, box.top);
    context.stroke();
    context.setLineDash([]);
    const radius = radiusOf(pairs.shape[0], box.width);
    for (let k = 0; k < pairs.shape[0]; k += 1) {
      const ring = parts?.[k] === 1;
      drawPoint(context, across(box, x, pairs[2 * k + 1]), up(box, y, pairs[2 * k]), radius,
        ring ? colours.validation : colours.train, ring, colours.paper);
    }
    context.restore();
    drawAxes(pen, box, x, y, dark.peek());
  });
  const said = `Predicted against actual ${table.value.target}, on the diagonal they are equal`;
  return html`
    <figure class="plot">
      <canvas ref=${canvas} class="plot-canvas square" role="img" aria-label=${said}></canvas>
      <figcaption class="legend-kinds">
        <span><span class="dot train" aria-hidden="true"></span>training</span>
        ${table.value.rows.validation > 0 && html`
          <span><span class="dot ring validation" aria-hidden="true"></span>validation</span>`}
      </figcaption>
    </figure>`;
}

/**
 * The range of all numbers, with a little room.
 * @param {ArrayLike<number>} numbers
 * @returns {[number, number]}
 */
function rangeOf(numbers) {
  let [low, high] = [Infinity, -Infinity];
  for (let k = 0; k < numbers.length; k += 1) {
    if (!Number.isFinite(numbers[k])) continue;
    low = Math.min(low, numbers[k]);
    high = Math.max(high, numbers[k]);
  }
  if (low > high) return [0, 1];
  const room = 0.04 * (high - low) || 0.5;
  return [low - room, high + room];
}

/** Scores of the network as it is. */
export function Scores() {
  useEffect(() => {
    look({ metrics: true });
    return () => look({ metrics: false });
  }, []);
  const many = (table.value.classes.length || 1) > 12;
  const now = useSlowly(() => metrics.value, many ? 5 * WAIT : WAIT);
  if (now === undefined) return html`<p class="note">Scores come with the next step.</p>`;
  const { confusion } = now;
  return html`
    <div class="scores">
      <${Table} metrics=${now} />
      ${confusion && confusion.validation !== null && html`<${Part} />`}
      ${confusion && html`<${Confusion} confusion=${confusion} />`}
      ${!isNumber.value && !confusion && html`
        <p class="note">With so many classes there is no confusion matrix.</p>`}
      ${isNumber.value && html`<${Scatter} />`}
    </div>`;
}
