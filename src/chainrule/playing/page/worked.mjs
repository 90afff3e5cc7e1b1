// The worked step: the mathematics of one step on one row, with the numbers of the run.
//
// The server sends a template, which stays, and the texts of its slots, which change.

import {
  computed, effect, html, signal, useEffect, useId, useLayoutEffect, useState,
} from "./vendor/vendor.mjs";
import { show, useBlock } from "./formulas.mjs";
import { head, look, network, table, view } from "./store.mjs";
import { count as thousands, some } from "./words.mjs";

/** @import {View, WorkedLine, WorkedPart, WorkedPiece, WorkedSection, WorkedTemplate} from "./types.mjs" */
/** @typedef {NonNullable<View["worked"]>} Look */

const SHORT = 32; // characters of LaTeX
const TEMPLATES = 8; // the server remembers as many: tabs.py

const templates = /** @type {Map<string, WorkedTemplate>} */ (new Map());

/** The template that belongs to the numbers of the last frame. */
const template = computed(() => {
  const now = head.value.worked;
  if (now === undefined) return null;
  if (now.template !== null) {
    templates.delete(now.key);
    templates.set(now.key, now.template);
    for (const key of templates.keys()) {
      if (templates.size <= TEMPLATES) break;
      templates.delete(key);
    }
  }
  return templates.get(now.key) ?? null;
});

/** The template whose elements are on the page. */
let drawn = /** @type {WorkedTemplate | null} */ (null);

effect(() => { // a template is sent once, so every frame is looked at, also while this is closed
  const now = head.value.worked;
  if (now !== undefined && template.value !== null && template.value === drawn) show(now.numbers);
});

const first = /** @type {Look} */ ({ part: "train", row: 0, weight: null, neuron: null });

/** What was looked at before the panel was closed. */
let last = first;

const looked = computed(() => view.value.worked ?? last);

/** @param {Partial<Look>} part */
function change(part) {
  look({ worked: { ...looked.peek(), ...part } });
}

const place = computed(() => JSON.stringify([
  head.value.worked?.part, head.value.worked?.row, head.value.worked?.of, head.value.worked?.next]));

/** The choice of the row. */
function Row() {
  const id = useId();
  const [part, row, of, next] = JSON.parse(place.value);
  const { train, validation } = table.value.rows;
  const count = of ?? train;
  const { part: asked, row: wanted } = looked.value;
  const shown = (asked === (part ?? asked) ? Math.min(wanted, count - 1) : wanted) + 1;
  /** @param {number} to */
  const go = (to) => change({ row: (to + count) % count });
  return html`
    <div class="row" role="group" aria-label="The row that is worked out">
      <select aria-label="Rows" value=${asked} onChange=${(/** @type {any} */ event) =>
        change({ part: event.target.value, row: 0 })}>
        <option value="train">training rows</option>
        <option value="validation" disabled=${validation === 0}>validation rows</option>
      </select>
      <span class="joined">
        <button type="button" class="small" aria-label="the row before"
          onClick=${() => go(shown - 2)}>‹</button>
        <label for=${id} class="apart">Row</label>
        <input id=${id} type="number" min="1" max=${count} step="1" value=${shown}
          onChange=${(/** @type {any} */ event) => {
            const typed = Math.round(Number(event.target.value));
            if (Number.isFinite(typed)) go(Math.min(Math.max(typed, 1), count) - 1);
          }} />
        <span class="hint">of ${thousands(count)}</span>
        <button type="button" class="small" aria-label="the row after"
          onClick=${() => go(shown)}>›</button>
      </span>
      <button type="button" class="small" onClick=${() => go(Math.floor(Math.random() * count))}>
        Any row</button>
      <button type="button" class="small" title="A row that the next step of the run takes"
        disabled=${next === undefined || next === null}
        onClick=${() => change({ part: "train", row: next })}>Next step's row</button>
      ${row !== undefined && html`<${Raw} />`}
    </div>`;
}

const raw = computed(() => JSON.stringify(head.value.worked?.raw ?? {}));

/** What the table says in this row. */
function Raw() {
  const cells = /** @type {[string, string][]} */ (Object.entries(JSON.parse(raw.value)));
  return html`
    <div class="worked-raw" role="group" aria-label="What the table says" tabindex="0">
      <dl>${cells.map(([name, text]) => html`
        <div key=${name}><dt>${name}</dt><dd>${text === "" ? "missing" : text}</dd></div>`)}
      </dl>
    </div>`;
}

/** @typedef {"whole" | "weight" | "neuron"} Kind */

/** The choice of the whole step, of one weight or of one neuron. */
function What() {
  const { weight, neuron } = looked.value;
  const { sizes } = network.value;
  const kind = weight !== null ? "weight" : neuron !== null ? "neuron" : "whole";
  const [layer, from, to] = weight ?? [neuron?.[0] ?? 1, 1, neuron?.[1] ?? 1];
  /**
   * @param {Kind} chosen
   * @param {number} l
   * @param {number} i
   * @param {number} j
   */
  const choose = (chosen, l, i, j) => change({
    weight: chosen === "weight" ? [l, Math.min(i, sizes[l - 1]), Math.min(j, sizes[l])] : null,
    neuron: chosen === "neuron" ? [l, Math.min(j, sizes[l])] : null,
  });
  const layers = sizes.slice(1).map((_, k) => [k + 1, k === sizes.length - 2 ? "output" : `${k + 1}`]);
  const inputs = table.value.inputs;
  /** @param {number} i */
  const source = (i) => (layer === 1 && inputs[i - 1] ? inputs[i - 1] : `neuron ${i}`);
  return html`
    <div class="row" role="group" aria-label="What is shown of the step">
      <select aria-label="Shown" value=${kind} onChange=${(/** @type {any} */ event) =>
        choose(event.target.value, layer, from, to)}>
        <option value="whole">the whole step</option>
        <option value="weight">one weight</option>
        <option value="neuron">one neuron</option>
      </select>
      ${kind !== "whole" && html`
        <${Pick} label="Layer" value=${layer} choices=${layers}
          set=${(/** @type {number} */ l) => choose(kind, l, from, to)} />`}
      ${kind === "weight" && html`
        <${Pick} label="From" value=${from} set=${(/** @type {number} */ i) => choose(kind, layer, i, to)}
          choices=${range(sizes[layer - 1] ?? 0).map((i) => [i, source(i)])} />`}
      ${kind !== "whole" && html`
        <${Pick} label=${kind === "weight" ? "To" : "Neuron"} value=${to}
          set=${(/** @type {number} */ j) => choose(kind, layer, from, j)}
          choices=${range(sizes[layer] ?? 0).map((j) => [j, `neuron ${j}`])} />
        <button type="button" class="small" onClick=${() => choose("whole", 1, 1, 1)}>
          Whole step</button>`}
    </div>`;
}

/** @param {number} count */
const range = (count) => Array.from({ length: count }, (_, k) => k + 1);

/**
 * @param {object} props
 * @param {string} props.label
 * @param {number} props.value
 * @param {[number, string][]} props.choices
 * @param {(value: number) => void} props.set
 */
function Pick({ label, value, choices, set }) {
  const id = useId();
  return html`
    <span class="joined">
      <label for=${id} class="hint">${label}</label>
      <select id=${id} value=${String(value)}
        onChange=${(/** @type {any} */ event) => set(Number(event.target.value))}>
        ${choices.map(([key, text]) => html`<option key=${key} value=${String(key)}>${text}</option>`)}
      </select>
    </span>`;
}

/**
 * Mathematics, typeset when it is in sight. What has no numbers can be read out at once.
 * @param {{latex: string, said: string}} props
 */
function Mathematics({ latex, said }) {
  return html`
    <span class="worked-tex" role="math" data-tex=${latex} data-said=${said}
      aria-label=${said.includes("@") ? undefined : said}></span>`;
}

/**
 * A piece. The keys keep what formulas.mjs has filled from becoming something else.
 * @param {{piece: WorkedPiece}} props
 */
function Piece({ piece }) {
  if (typeof piece === "string") return html`<span key="text">${piece}</span>`;
  if ("latex" in piece) {
    return html`<${Mathematics} key="tex" latex=${piece.latex} said=${piece.said} />`;
  }
  return html`<span key="slot" data-slot=${piece.slot}></span>`;
}

/** @param {{line: WorkedLine}} props */
function Line({ line }) {
  const { latex, said, equation, note, check, mark } = line;
  return html`
    <div class="worked-line" ref=${useBlock(line)}>
      <div class="worked-scroll" data-scrolls="equation">
        <${Mathematics} latex=${latex} said=${said} />
      </div>
      <div class="worked-aside">
        ${note !== undefined && html`<span class="hint"><${Piece} piece=${note} /></span>`}
        ${check !== undefined && html`
          <span class="worked-check" title="by finite differences of the loss">
            <span data-slot=${mark}></span>
            <span class="apart"> by finite differences: </span>
            <span class="worked-difference" data-slot=${check}></span>
          </span>`}
        ${equation !== null && html`
          <span class="worked-equation"><span class="apart">equation </span>(${equation})</span>`}
      </div>
    </div>`;
}

/** @param {{words: WorkedPiece[]}} props */
function Words({ words }) {
  return html`
    <p class="worked-words" ref=${useBlock(words, true)}>
      ${words.map((piece, k) => html`<${Piece} key=${k} piece=${piece} />`)}
    </p>`;
}

/** @param {{table: NonNullable<WorkedPart["table"]>, name: string}} props */
function Table({ table: { heads, rows, wordy }, name }) {
  /** @param {number} k */
  const kind = (k) => (wordy[k] ? "wordy" : undefined);
  return html`
    <div class="scroll tall" role="region" aria-label=${`${name}: table`} tabindex="0"
      ref=${useBlock(rows)}>
      <table class="worked-table">
        <thead><tr>${heads.map((cell, k) => (cell === "" ? html`<td key=${k}></td>` : html`
          <th key=${k} scope="col" class=${kind(k)}><${Piece} piece=${cell} /></th>`))}</tr></thead>
        <tbody>${rows.map((row, r) => html`
          <tr key=${r}>${row.map((cell, k) => html`
            <td key=${k} class=${kind(k)}><${Piece} piece=${cell} /></td>`)}</tr>`)}</tbody>
      </table>
    </div>`;
}

/**
 * Whether lines like this one may stand in a row.
 * @param {WorkedLine} line
 */
const isShort = ({ latex, note, check, equation }) =>
  latex.length < SHORT && note === undefined && check === undefined && equation === null;

/** @param {{part: WorkedPart, name: string}} props */
function Part({ part, name }) {
  if (part.words) return html`<${Words} words=${part.words} />`;
  if (part.table) return html`<${Table} table=${part.table} name=${name} />`;
  const lines = part.lines ?? [];
  return html`
    <div class=${lines.every(isShort) ? "worked-flow" : undefined}>
      ${lines.map((line, k) => html`<${Line} key=${k} line=${line} />`)}
    </div>`;
}

/** Which sections were opened or closed, by title. */
const opened = signal(/** @type {ReadonlyMap<string, boolean>} */ (new Map()));
const CLOSED = ["Preprocessing", "The network"];

/** @param {{section: WorkedSection}} props */
function Section({ section: { title, parts } }) {
  const id = useId();
  const open = opened.value.get(title) ?? !CLOSED.includes(title);
  return html`
    <section class="worked-section">
      <h3>
        <button type="button" class="panel-head" aria-expanded=${open} aria-controls=${id}
          onClick=${() => { opened.value = new Map(opened.peek()).set(title, !open); }}>
          <span class="panel-mark" aria-hidden="true"></span>${title}
        </button>
      </h3>
      <div id=${id} class="worked-parts" hidden=${!open}>
        ${open && parts.map((part, k) => html`<${Part} key=${k} part=${part} name=${title} />`)}
      </div>
    </section>`;
}

function Sections() {
  const now = template.value;
  void opened.value;
  useLayoutEffect(() => {
    drawn = now;
    const worked = head.peek().worked;
    if (now !== null && worked !== undefined && template.peek() === now) show(worked.numbers);
    return () => { drawn = null; };
  });
  if (now === null) return html`<p class="note">Waiting for the first numbers …</p>`;
  return html`
    <div class="worked-sections" role="region" aria-label=${now.title} tabindex="0">
      ${now.sections.map((section) => html`<${Section} key=${section.title} section=${section} />`)}
    </div>`;
}

/** The panel. */
export function Worked() {
  useEffect(() => {
    if (view.peek().worked === null) look({ worked: last });
    return () => {
      last = view.peek().worked ?? last;
      look({ worked: null });
    };
  }, []);
  return html`
    <div class="stack">
      <${Row} />
      <${What} />
      <${Sections} />
    </div>`;
}
