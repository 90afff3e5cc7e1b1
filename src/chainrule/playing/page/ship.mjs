// What can be taken along: the model as a file, the command and the code that train the
// same, the table, and a link to this state of the page.

import { computed, html, useEffect, useRef, useState } from "./vendor/vendor.mjs";
import { address, fragment } from "./link.mjs";
import { token } from "./socket.mjs";
import { head, say, send } from "./store.mjs";

const TARGETS = /** @type {[to: string, title: string, what: string][]} */ ([
  ["safetensors", "Model", "for chainrule itself"],
  ["onnx", "ONNX", "for ONNX Runtime and others"],
  ["c", "C", "one header without dependencies"],
  ["javascript", "JavaScript", "one module"],
  ["python", "Python", "plain Python"],
  ["sql", "SQL", "a SELECT"],
]);

/**
 * Copy a text, and say so.
 * @param {string} text
 * @param {HTMLElement | null} shown  marked where the clipboard cannot be written
 */
async function copy(text, shown) {
  try {
    await navigator.clipboard.writeText(text);
    say("copied", "done");
  } catch {
    // Not allowed here: mark the text so that a key copies it.
    if (shown !== null) getSelection()?.selectAllChildren(shown);
    say("the browser does not let the page copy: press Ctrl-C", "done");
  }
}

/**
 * Save what an address of the server gives, under the name that the server says.
 * @param {string} path
 */
async function save(path) {
  try {
    const answer = await fetch(path, { headers: { "X-Token": token } });
    if (!answer.ok) {
      const { error } = await answer.json().catch(() => ({}));
      say(error ?? `the server answered ${answer.status}`);
      return;
    }
    const said = /filename\*=UTF-8''([^;]+)/.exec(answer.headers.get("Content-Disposition") ?? "");
    const url = URL.createObjectURL(await answer.blob());
    const link = document.createElement("a");
    link.href = url;
    link.download = decodeURIComponent(said?.[1] ?? "model");
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  } catch {
    say("the connection was lost before the file came");
  }
}

/**
 * @param {object} props
 * @param {string} props.path
 * @param {string} props.title
 * @param {string} props.what
 */
function Download({ path, title, what }) {
  const href = `${path}${path.includes("?") ? "&" : "?"}token=${encodeURIComponent(token)}`;
  return html`
    <li><a href=${href} download="" onClick=${(/** @type {Event} */ event) => {
      event.preventDefault();
      void save(path);
    }}>${title}</a> <span class="hint">${what}</span></li>`;
}

/**
 * A text to be copied.
 * @param {object} props
 * @param {string} props.title
 * @param {string} props.text
 * @param {boolean} [props.wrapped]  whether its lines are broken where they are long
 */
function Code({ title, text, wrapped = false }) {
  const shown = useRef(/** @type {HTMLElement | null} */ (null));
  return html`
    <div class="code">
      <div class="code-head">
        <h3>${title}</h3>
        <button type="button" class="small" aria-label=${`Copy: ${title}`}
          onClick=${() => copy(text, shown.current)}>Copy</button>
      </div>
      <pre tabindex="0" class=${wrapped ? "wrapped" : ""} aria-label=${title}><code ref=${shown}>${
        wrapped ? unbroken(text) : text}</code></pre>
    </div>`;
}

/**
 * A text whose words are not broken at their hyphens.
 * @param {string} text
 */
function unbroken(text) {
  return text.split(/( )/).map((word) => (word === " " ? word : html`<span>${word}</span>`));
}

// What the command depends on; the rest of the head changes with every frame.
const revision = computed(() => head.value.settings_revision);
const exact = computed(() => head.value.exact);
let held = 0;
const place = computed(() => { // the step at which the run was last held
  if (head.value.status !== "playing") held = head.value.step;
  return held;
});

/** The panel. */
export function Ship() {
  const [shared, setShared] = useState(
    /** @type {{command: string, python: string, note: string} | null} */ (null));
  const [link, setLink] = useState("");
  useEffect(() => {
    let here = true;
    void send({ do: "share" }).then((reply) => {
      if (here && reply.ok) setShared(/** @type {any} */ (reply));
    });
    return () => { here = false; };
  }, [revision.value, exact.value, place.value]);
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  const makeLink = async () => {
    const made = address();
    setLink(made);
    history.replaceState(null, "", made);
    await copy(made, null);
    field.current?.select();
  };
  const makeCommand = async () => {
    const made = `chainrule play --state ${fragment().slice(1)}`;
    setLink(made);
    await copy(made, null);
    field.current?.select();
  };
  return html`
    <div class="stack">
      <h3>The model as it is now</h3>
      <ul class="downloads">
        ${TARGETS.map(([to, title, what]) => html`
          <${Download} key=${to} path=${`/export?to=${to}`} title=${title} what=${what} />`)}
        <${Download} path="/table.csv" title="Table" what="the rows as CSV" />
      </ul>
      ${shared && html`
        <${Code} title="The same training as a command" text=${shared.command} wrapped />
        <${Code} title="The same training in Python" text=${shared.python} />
        ${shared.note && html`<p class="note">${shared.note}</p>`}`}
      <div>
        <h3>This page as a link</h3>
        <div class="row">
          <button type="button" onClick=${makeLink}>Copy a link</button>
          <button type="button" onClick=${makeCommand}>Copy a command</button>
          ${link && html`<input ref=${field} type="text" readonly value=${link}
            aria-label=${link.startsWith("chainrule") ? "Command" : "Link"} />`}
        </div>
        <p class="hint">Both hold the settings and what is looked at. The link opens in this
          playground while it runs: whoever has it can use this one. The command opens a playground
          of its own, on another machine too; tables of your own are not in it.</p>
      </div>
    </div>`;
}
