// Guided examples: each sets the page and says what to look at.

import { html, signal, useEffect, useId, useRef } from "./vendor/vendor.mjs";
import { openPanel } from "./panel.mjs";
import { calm, options, order } from "./store.mjs";

/** The example that is shown. */
const shown = signal(/** @type {string | null} */ (null));

/** @param {string} key */
async function show(key) {
  const reply = await order({ do: "guided", key });
  if (!reply.ok) return;
  shown.value = key;
  for (const name of reply.panels) openPanel(name);
}

/** The menu at the top. */
export function GuidedMenu() {
  const id = useId();
  const { guided } = options.value;
  return html`
    <span class="joined guided-menu">
      <label for=${id} class="apart">Guided examples</label>
      <select id=${id} value=${shown.value ?? ""}
        onChange=${(/** @type {any} */ event) => {
          if (event.target.value === "") shown.value = null;
          else void show(event.target.value);
        }}>
        <option value="">Guided examples …</option>
        ${guided.map(({ key, title }) => html`<option key=${key} value=${key}>${title}</option>`)}
      </select>
    </span>`;
}

/** What the example says. */
export function GuidedText() {
  const { guided } = options.value;
  const place = useRef(/** @type {HTMLElement | null} */ (null));
  const at = guided.findIndex(({ key }) => key === shown.value);
  useEffect(() => {
    place.current?.scrollIntoView({
      block: "nearest", behavior: calm.peek() ? "instant" : "smooth" });
  }, [at]);
  if (at < 0) return null;
  const { title, text, look } = guided[at];
  const next = guided[at + 1];
  return html`
    <section ref=${place} class="guided" aria-label="Guided example">
      <div>
        <h2>${title}</h2>
        <p>${text}</p>
        <p><b>Look at:</b> ${look}</p>
      </div>
      <div class="row">
        <button type="button" onClick=${() => show(guided[at].key)}>Set it again</button>
        ${next && html`
          <button type="button" onClick=${() => show(next.key)}>Next: ${next.title}</button>`}
        <button type="button" aria-label="Close the guided example"
          onClick=${() => { shown.value = null; }}>Close</button>
      </div>
    </section>`;
}
