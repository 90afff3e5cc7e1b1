// Runs that were kept: beside one another, compared, and gone back to.

import { html, useId, useState } from "./vendor/vendor.mjs";
import { NAMES } from "./scores.mjs";
import { head, look, order, say, snapshots, view } from "./store.mjs";
import { count, number, words } from "./words.mjs";

/** @import {Snapshot} from "./types.mjs" */

/**
 * The names of the scores that are shown; the loss has a column of its own.
 * @param {Record<string, unknown>} scores
 */
function names(scores) {
  return Object.keys(scores)
    .filter((name) => name !== "loss" && (scores[name] === null || typeof scores[name] === "number"));
}

/**
 * A score as text, as the scores of the present run are written.
 * @param {string} name
 * @param {unknown} value
 */
function written(name, value) {
  const shown = typeof value === "number" ? value : null;
  return (NAMES[name]?.[1] ?? number)(shown);
}

/**
 * @param {object} props
 * @param {Snapshot} props.snapshot
 * @param {string[]} props.scores
 */
function Row({ snapshot, scores }) {
  const [name, setName] = useState(/** @type {string | null} */ (null));
  const compared = view.value.compare === snapshot.id;
  const rename = async () => {
    if (name === null || name.trim() === "" || name === snapshot.name) return setName(null);
    await order({ do: "rename", snapshot: snapshot.id, name: name.trim() });
    setName(null);
  };
  return html`
    <tr class=${compared ? "compared" : ""}>
      <th scope="row">
        <input type="text" aria-label=${`Name of ${snapshot.name}`} maxlength="60"
          value=${name ?? snapshot.name}
          onInput=${(/** @type {any} */ event) => setName(event.target.value)}
          onBlur=${rename}
          onKeyDown=${(/** @type {any} */ event) => {
            if (event.key === "Enter") event.target.blur();
            if (event.key === "Escape") setName(null);
          }} />
        <span class="hint">${snapshot.settings}</span>
        <div class="acts">
          <button type="button" class="small" aria-pressed=${compared}
            aria-label=${`Compare with ${snapshot.name}`}
            onClick=${() => look({ compare: compared ? null : snapshot.id })}>Compare</button>
          <button type="button" class="small" aria-label=${`Go back to ${snapshot.name}`}
            onClick=${() => order({ do: "restore", snapshot: snapshot.id })}>Go back</button>
          <button type="button" class="small" aria-label=${`Forget ${snapshot.name}`}
            onClick=${() => {
              if (compared) look({ compare: null });
              void order({ do: "forget", snapshot: snapshot.id });
            }}>Forget</button>
        </div>
      </th>
      <td>${count(snapshot.epoch)}</td>
      <td>${number(snapshot.loss)}</td>
      <td>${number(snapshot.validation_loss)}</td>
      ${scores.map((score) => html`<td>${written(score, snapshot.scores[score])}</td>`)}
    </tr>`;
}

/**
 * The run as it is now, to compare with.
 * @param {object} props
 * @param {string[]} props.scores
 */
function Now({ scores }) {
  const now = head.value;
  const found = now.metrics?.validation ?? now.metrics?.train;
  return html`
    <tr class="now">
      <th scope="row">now</th>
      <td>${count(now.epoch)}</td>
      <td>${number(now.loss)}</td>
      <td>${number(now.validation_loss)}</td>
      ${scores.map((score) => html`<td>${written(score, found?.[score])}</td>`)}
    </tr>`;
}

/** The panel. */
export function Keep() {
  const id = useId();
  const [name, setName] = useState("");
  const kept = snapshots.value;
  const scores = [...new Set(kept.flatMap((snapshot) => names(snapshot.scores)))];
  const snap = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const reply = await order({
      do: "snapshot", name: name.trim() || `run ${kept.length + 1}, epoch ${head.peek().epoch}` });
    if (!reply.ok) return;
    setName("");
    say("kept", "done");
  };
  return html`
    <div class="stack">
      <form class="row" onSubmit=${snap}>
        <label for=${id}>Name</label>
        <input id=${id} type="text" maxlength="60" autocomplete="off" value=${name}
          placeholder=${`run ${kept.length + 1}`}
          onInput=${(/** @type {any} */ event) => setName(event.target.value)} />
        <button type="submit">Keep this run</button>
      </form>
      ${kept.length === 0
        ? html`<p class="hint">A run that is kept can be compared with another, and gone back to.</p>`
        : html`
          <div class="scroll" tabindex="0" role="region" aria-label="Runs that were kept">
            <table>
              <thead><tr>
                <th scope="col">Run</th><th scope="col">Epoch</th><th scope="col">Loss</th>
                <th scope="col">Validation</th>
                ${scores.map((score) => html`
                  <th scope="col">${score === "mae" ? "MAE" : NAMES[score]?.[0] ?? words(score)}</th>`)}
              </tr></thead>
              <tbody>
                <${Now} scores=${scores} />
                ${kept.map((snapshot) => html`
                  <${Row} key=${snapshot.id} snapshot=${snapshot} scores=${scores} />`)}
              </tbody>
            </table>
          </div>
          ${scores.length > 0 && html`
            <p class="hint">Scores of the validation rows, or of the training rows where there are
              none.</p>`}`}
    </div>`;
}
