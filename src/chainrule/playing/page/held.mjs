// The columns that the surface does not show: each is held at a value.

import { computed, html, useId } from "./vendor/vendor.mjs";
import { bandsOf, columnText } from "./columns.mjs";
import { look, table, view } from "./store.mjs";
import { Unfold } from "./unfold.mjs";
import { own } from "./words.mjs";

/** @import {Column} from "./types.mjs" */

const MANY = 6; // from so many on, they are folded away

/** The columns that feed the network and are no axis. */
const others = computed(() => {
  const now = view.value.surface;
  return table.value.columns.filter(({ name, used }) =>
    used && now !== null && name !== now.x && name !== now.y);
});

/**
 * Hold a column at a value; without one, at its mean or what is most frequent.
 * @param {string} name
 * @param {number | string} [value]
 */
function hold(name, value) {
  const now = view.peek().surface;
  if (now === null) return;
  const { [name]: _, ...others } = now.held;
  look({ surface: { ...now, held: value === undefined ? others : { ...others, [name]: value } } });
}

function release() {
  const now = view.peek().surface;
  if (now !== null) look({ surface: { ...now, held: {} } });
}

/** @param {{column: Column}} props */
function HeldNumber({ column }) {
  const id = useId();
  const low = column.low ?? 0;
  const high = column.high ?? 1;
  const now = Number(own(view.value.surface?.held, column.name) ?? column.mean ?? (low + high) / 2);
  return html`
    <div class="held-one">
      <label for=${id} title=${column.name}>${column.name}</label>
      <input id=${id} type="range" min=${low} max=${high} step="any" value=${now}
        aria-valuetext=${columnText(column.name, now)}
        onInput=${(/** @type {Event} */ event) =>
          hold(column.name, Number(/** @type {HTMLInputElement} */ (event.currentTarget).value))}
        onKeyDown=${(/** @type {KeyboardEvent} */ event) => stepped(event, column, now)} />
      <output for=${id}>${columnText(column.name, now)}</output>
    </div>`;
}

/**
 * A slider without steps moves too far by keys in some browsers: here, by a hundredth.
 * @param {KeyboardEvent} event
 * @param {Column} column
 * @param {number} now
 */
function stepped(event, column, now) {
  const way = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
  if (way === undefined) return;
  event.preventDefault();
  const low = column.low ?? 0;
  const high = column.high ?? 1;
  hold(column.name, Math.min(high, Math.max(low, now + (way * (high - low)) / 100)));
}

/** @param {{column: Column}} props */
function HeldCategory({ column }) {
  const id = useId();
  const now = String(own(view.value.surface?.held, column.name) ?? "");
  return html`
    <div class="held-one">
      <label for=${id} title=${column.name}>${column.name}</label>
      <select id=${id} value=${now} onChange=${(/** @type {Event} */ event) =>
        hold(column.name, /** @type {HTMLSelectElement} */ (event.currentTarget).value || undefined)}>
        <option value="" selected=${now === ""}>${column.usual === null ? "the most frequent" : `${column.usual} (most frequent)`}</option>
        ${bandsOf(column.name).map((text) => html`
          <option value=${text} selected=${text === now}>${text}</option>`)}
      </select>
    </div>`;
}

/** Controls for the columns that are held. */
export function Held() {
  const held = others.value;
  if (held.length === 0) return null;
  const changed = Object.keys(view.value.surface?.held ?? {}).length > 0;
  return html`
    <${Unfold} key=${held.length < MANY} title=${`Other columns, held (${held.length})`}
      open=${held.length < MANY}>
      <div class="held-all">
        ${held.map((column) => bandsOf(column.name).length > 0
          ? html`<${HeldCategory} key=${column.name} column=${column} />`
          : html`<${HeldNumber} key=${column.name} column=${column} />`)}
      </div>
      <button type="button" class="small" onClick=${release} disabled=${!changed}
        title="Hold numbers at their mean, categories at the most frequent">Means</button>
    <//>`;
}
