// The table: which one, what is learned from it, and from which columns.

import { html, signal, useId, useRef, useState } from "./vendor/vendor.mjs";
import { Choice, NumberField, Slider, useError } from "./fields.mjs";
import { token } from "./socket.mjs";
import { change, options, say, settings, table } from "./store.mjs";
import { count, own, some } from "./words.mjs";

/** @import {Change, Column, DataSettings} from "./types.mjs" */

const GROUPS = [["table:", "Your tables"], ["shipped:", "Shipped tables"], ["toy:", "Toy sets"]];
const MANY = 12; // columns from which on a filter helps
const NAMED = 4; // columns that are left out
const WITH_CLASSES = ["toy:spiral", "toy:gaussians"];

/** The upload that is under way: its name, and the share that has gone up. */
const uploading = signal(/** @type {{name: string, share: number} | null} */ (null));

/**
 * Bring a file up as a table.
 * @param {File} file
 */
export function upload(file) {
  if (uploading.peek() !== null) {
    say("one file at a time: the one before is still going up");
    return;
  }
  const most = options.peek().limits.upload_bytes;
  if (most !== undefined && file.size > most) {
    say(`“${file.name}” has ${count(file.size / 2 ** 20)} MiB: at most `
      + `${count(most / 2 ** 20)} can be loaded`);
    return;
  }
  const request = new XMLHttpRequest();
  request.open("POST", `/upload?name=${encodeURIComponent(file.name)}`);
  request.setRequestHeader("X-Token", token);
  uploading.value = { name: file.name, share: 0 };
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    uploading.value = { name: file.name, share: total > 0 ? loaded / total : 0 };
  });
  request.addEventListener("loadend", () => {
    uploading.value = null;
    if (request.status !== 200) {
      say(`“${file.name}” was not loaded: ${reason(request)}`);
    } else {
      say(`“${file.name}” is loaded`, "done");
    }
  });
  request.send(file);
}

/** @param {XMLHttpRequest} request */
function reason(request) {
  if (request.status === 0) return "the connection was lost";
  try {
    const { error } = JSON.parse(request.responseText);
    if (typeof error === "string") return error;
  } catch {
    // no JSON: a proxy's own page
  }
  return `the server answered ${request.status}`;
}

/**
 * Change the data settings.
 * @param {Partial<DataSettings>} part
 * @param {string} [at]
 */
function set(part, at) {
  return change(/** @type {Change} */ ({ data: part }), at);
}

function Upload() {
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const now = uploading.value;
  return html`
    <div class="drop">
      ${now === null
        ? html`
          <button type="button" onClick=${() => input.current?.click()}>Open a table …</button>
          <p class="hint">or drop one anywhere: CSV (also .gz) or Parquet</p>`
        : html`
          <p><label>${now.name} <progress value=${now.share}></progress></label></p>`}
      <input ref=${input} type="file" hidden aria-label="Table file"
        accept=".csv,.tsv,.txt,.gz,.parquet,.pq"
        onChange=${(/** @type {any} */ event) => {
          const file = event.target.files[0];
          event.target.value = "";
          if (file) upload(file);
        }} />
    </div>`;
}

function Toy() {
  const { data } = settings.value;
  return html`
    <div class="fields">
      <${Slider} label="Rows" where="data.rows" value=${data.rows} min=${50} max=${5000} step=${50}
        show=${count} set=${(/** @type {number} */ rows) => set({ rows })} />
      <${Slider} label="Noise" where="data.noise" value=${data.noise} min=${0} max=${1} step=${0.05}
        set=${(/** @type {number} */ noise) => set({ noise })} />
      ${WITH_CLASSES.includes(data.source) && html`
        <${Slider} label="Classes" where="data.classes" value=${data.classes} min=${2} max=${6}
          step=${1} set=${(/** @type {number} */ classes) => set({ classes })} />`}
      <${NumberField} label="Seed of the data" where="data.seed" value=${data.seed}
        nudge=${(/** @type {number} */ seed, /** @type {number} */ way) => Math.max(0, seed + way)}
        set=${(/** @type {number} */ seed) => set({ seed })} />
    </div>`;
}

/** @param {Column} column */
function facts(column) {
  if (column.categories.length > 0) return some(column.categories.length, "category", "categories");
  return "";
}

/**
 * One column: whether it feeds the network, and how it is read.
 * @param {object} props
 * @param {Column} props.column
 * @param {boolean} props.chosen
 * @param {(chosen: boolean) => unknown} props.choose
 */
function ColumnRow({ column, chosen, choose }) {
  const id = useId();
  const { data } = settings.value;
  const message = useError(`data.kinds.${column.name}`);
  const kinds = options.value.kinds.filter((kind) => kind !== "dropped");
  const forced = own(data.kinds, column.name);
  const remark = [
    facts(column), column.missing ? "some missing" : "",
    column.used || (data.columns !== null && !chosen) ? "" : column.reason,
  ].filter(Boolean).join("; ");
  return html`
    <li class=${chosen && !column.used ? "column-row unused" : "column-row"}>
      <input type="checkbox" id=${id} checked=${chosen}
        aria-describedby=${remark ? `${id}-remark` : undefined}
        onChange=${(/** @type {any} */ event) => choose(event.target.checked)} />
      <label for=${id} title=${column.name}>${column.name}</label>
      <select aria-label=${`Kind of ${column.name}`} aria-invalid=${message ? "true" : undefined}
        value=${forced ?? ""} disabled=${!chosen}
        onChange=${(/** @type {any} */ event) => {
          void set({ kinds: { [column.name]: event.target.value || null } },
            `data.kinds.${column.name}`);
        }}>
        <option value="">${forced === undefined && kinds.includes(column.kind)
          ? column.kind : "automatic"}</option>
        ${kinds.map((kind) => html`<option value=${kind}>as ${kind}</option>`)}
      </select>
      ${remark && html`<p class="hint" id=${`${id}-remark`}>${remark}</p>`}
      ${message && html`<p class="error" role="alert">${message}</p>`}
    </li>`;
}

function Columns() {
  const [filter, setFilter] = useState("");
  const { columns } = table.value;
  const { data } = settings.value;
  const message = useError("data.columns");
  /** @param {Column} column */
  const chosen = (column) => data.columns?.includes(column.name) ?? column.used;
  /**
   * @param {Column} column
   * @param {boolean} wanted
   */
  const choose = (column, wanted) => set({
    columns: columns.filter((other) => other === column ? wanted : chosen(other))
      .map(({ name }) => name),
  }, "data.columns");
  const asked = filter.trim().toLowerCase();
  const left = data.columns === null ? columns.filter(({ used }) => !used) : [];
  return html`
    <fieldset class="columns-of-table">
      <legend>Columns that feed the network</legend>
      <div class="row">
        <span class="hint">${columns.filter(chosen).length} of ${columns.length}</span>
        ${columns.length > MANY && html`
          <input type="search" aria-label="Columns whose names contain" placeholder="Find a column"
            value=${filter}
            onInput=${(/** @type {any} */ event) => setFilter(event.target.value)} />`}
        ${data.columns !== null && html`
          <button type="button" class="small"
            onClick=${() => set({ columns: null }, "data.columns")}>All that can be used</button>`}
      </div>
      ${left.length > 0 && html`
        <p class="hint">Left out: ${left.slice(0, NAMED).map(({ name }) => name).join(", ")}${
          left.length > NAMED ? ` and ${count(left.length - NAMED)} more` : ""}. Why is said
          beside each.</p>`}
      ${message && html`<p class="error" role="alert">${message}</p>`}
      <ul>
        ${columns.filter(({ name }) => name.toLowerCase().includes(asked)).map((column) => html`
          <${ColumnRow} key=${column.name} column=${column} chosen=${chosen(column)}
            choose=${(/** @type {boolean} */ wanted) => choose(column, wanted)} />`)}
      </ul>
    </fieldset>`;
}

function Target() {
  const { data } = settings.value;
  const { target, columns, task } = table.value;
  const source = options.value.sources.find(({ key }) => key === data.source);
  const names = [...new Set([...(source?.targets ?? columns.map(({ name }) => name)), target])];
  return html`
    <div class="fields">
      <${Choice} label="Target" where="data.target" value=${target}
        choices=${names.map((name) => [name, name])}
        set=${(/** @type {string} */ name) => set({ target: name, columns: null, task: null })} />
      <${Choice} label="Learned as" where="data.task" value=${data.task}
        choices=${[
          [null, `automatic: ${task === "classification" ? "classes" : "a number"}`],
          ["classification", "classes"], ["regression", "a number"]]}
        set=${(/** @type {DataSettings["task"]} */ chosen) => set({ task: chosen })} />
    </div>`;
}

/** The panel. */
export function Data() {
  const { data } = settings.value;
  const { rows, target, task, classes } = table.value;
  const toy = data.source.startsWith("toy:");
  const sources = GROUPS.flatMap(([prefix, group]) => options.value.sources
    .filter(({ key }) => key.startsWith(prefix))
    .map(({ key, title }) => /** @type {[string, string, string]} */ ([key, title, group])));
  return html`
    <div class="stack">
      <${Choice} label="Table" where="data.source" value=${data.source} choices=${sources}
        className="above"
        set=${(/** @type {string} */ source) => set({ source })} />
      <${Upload} />
      ${toy && html`<${Toy} />`}
      ${!toy && html`<${Target} />`}
      <${Slider} label="For validation" where="data.validation" value=${data.validation}
        min=${0} max=${0.9} step=${0.05}
        show=${(/** @type {number} */ share) => `${Math.round(100 * share)} %`}
        set=${(/** @type {number} */ validation) => set({ validation })} />
      <p class="hint">
        ${some(rows.train, "row")} to learn from, ${count(rows.validation)} to validate${
          rows.ignored > 0 ? `, ${count(rows.ignored)} without a target` : ""}.
        ${" "}${target}: ${task === "classification" ? `${classes.length} classes` : "a number"}.
      </p>
      <${Columns} />
    </div>`;
}
