// The page: where its panels stand, what is said above them, and the keys of the page.

import { html, render, signal, useEffect, useRef } from "./vendor/vendor.mjs";
import { Curve } from "./curve.mjs";
import { Data, upload } from "./data.mjs";
import { Drawing } from "./drawing.mjs";
import { GuidedMenu, GuidedText } from "./guided.mjs";
import { Keep } from "./keep.mjs";
import { beginLink } from "./link.mjs";
import { Model } from "./model.mjs";
import { Panel } from "./panel.mjs";
import { Scores } from "./scores.mjs";
import { Ship } from "./ship.mjs";
import { begin, connect } from "./socket.mjs";
import { Spread } from "./spread.mjs";
import { connection, dark, done, head, notice, ready, say, theme } from "./store.mjs";
import { Surface } from "./surface.mjs";
import { Training } from "./training.mjs";
import { State, Transport, oneEpoch, oneStep, playOrPause, rewind } from "./transport.mjs";
import { Worked } from "./worked.mjs";

const KEYS = /** @type {[key: string, what: string, act: () => unknown][]} */ ([
  [" ", "play, pause", playOrPause],
  ["s", "one step", oneStep],
  ["e", "one epoch", oneEpoch],
  ["r", "rewind to the same initial weights", rewind],
  ["?", "this list", () => { helping.value = true; }],
]);
const DONE_FOR = 2500; // milliseconds that a message of success stays

const ANOTHER_TOKEN = "The playground was started anew with another token: "
  + "open the address that it printed.";

const helping = signal(false);
const dropping = signal(false);

/** The list of keys. */
function Help() {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const open = helping.value;
  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  return html`
    <dialog ref=${dialog} aria-labelledby="help-title" onClose=${() => { helping.value = false; }}>
      <h2 id="help-title">Keys</h2>
      <dl class="keys">
        ${KEYS.map(([key, what]) => html`
          <div><dt><kbd>${key === " " ? "Space" : key}</kbd></dt><dd>${what}</dd></div>`)}
        <div><dt><kbd>Enter</kbd></dt><dd>take the number that was typed</dd></div>
        <div><dt><kbd>Esc</kbd></dt><dd>give it up</dd></div>
      </dl>
      <p class="hint">They act while no field is being typed in.</p>
      <form method="dialog"><button>Close</button></form>
    </dialog>`;
}

/** What is said about the connection, and about what was done or refused. */
function Said() {
  const state = connection.value;
  const news = done.value;
  useEffect(() => {
    if (news === null) return undefined;
    const timer = setTimeout(() => { done.value = null; }, DONE_FOR);
    return () => clearTimeout(timer);
  }, [news]);
  return html`
    <div class="said">
      <div role="alert">
        ${state === "lost" && html`
          <p class="banner bad"><span>Connection lost, trying again …</span>
            <button type="button" class="small" onClick=${connect}>Try now</button></p>`}
        ${state === "refused" && html`
          <p class="banner bad"><span>${ANOTHER_TOKEN}</span></p>`}
        ${notice.value !== null && html`
          <p class="banner bad"><span>${notice.value}</span>
            <button type="button" class="small" aria-label="Close this message"
              onClick=${() => { notice.value = null; }}>Close</button></p>`}
      </div>
      <div role="status">
        ${news !== null && html`<p class="banner done">${news}</p>`}
      </div>
    </div>`;
}

function Top() {
  return html`
    <header class="top">
      <div class="bar">
        <h1><img src="/page/mark.svg" alt="" width="22" height="22" />chainrule
          <span class="roomy">playground</span></h1>
        <${GuidedMenu} />
        <${State} />
        <span class="bar-end">
          <button type="button" class="quiet" aria-pressed=${dark.value}
            onClick=${() => { theme.value = dark.value ? "light" : "dark"; }}>Dark</button>
          <button type="button" class="quiet" aria-keyshortcuts="?"
            onClick=${() => { helping.value = true; }}>Keys</button>
        </span>
      </div>
      <${Transport} />
    </header>`;
}

function Page() {
  if (!ready.value) {
    return html`
      <main class="waiting">
        <h1>chainrule playground</h1>
        <p>${head.value.why ?? (connection.value === "first" ? "Connecting …" : "")}</p>
        <${Said} />
      </main>`;
  }
  return html`
    <div class=${dropping.value ? "page dropping" : "page"}>
      <${Top} />
      <${Said} />
      <main>
        <${GuidedText} />
        <div class="columns">
          <div class="column">
            <${Panel} name="data" title="Data" open="wide"><${Data} /><//>
            <${Panel} name="training" title="Training" open="wide"><${Training} /><//>
          </div>
          <div class="column">
            <${Panel} name="network" title="Network"><${Drawing} /><${Model} /><//>
            <${Panel} name="worked" title="Worked step" open="wide"><${Worked} /><//>
          </div>
          <div class="column">
            <${Panel} name="surface" title="Prediction"><${Surface} /><//>
            <${Panel} name="curve" title="Loss"><${Curve} /><//>
            <${Panel} name="scores" title="Scores"><${Scores} /><//>
            <${Panel} name="spread" title="Distributions" open=${false}><${Spread} /><//>
          </div>
        </div>
        <div class="columns last">
          <div class="column">
            <${Panel} name="keep" title="Kept runs" open="wide"><${Keep} /><//>
          </div>
          <div class="column">
            <${Panel} name="ship" title="Take it along" open="wide"><${Ship} /><//>
          </div>
        </div>
      </main>
      <${Help} />
    </div>`;
}

/**
 * Whether a key is meant for the control that has the focus.
 * @param {KeyboardEvent} event
 */
function taken(event) {
  const at = event.target;
  if (!(at instanceof HTMLElement)) return false;
  if (at.closest("input:not([type=checkbox], [type=range]), select, textarea, dialog")) return true;
  return event.key === " " && at.closest("button, a, summary, input, [role=button]") !== null;
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || taken(event)) return;
  const found = KEYS.find(([key]) => key === event.key);
  if (!found || !ready.peek()) return;
  event.preventDefault();
  found[2]();
});

/** @param {DragEvent} event */
const withFiles = (event) => event.dataTransfer?.types.includes("Files") === true;

addEventListener("dragover", (event) => {
  if (!withFiles(event)) return;
  event.preventDefault();
  dropping.value = true;
});
addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) dropping.value = false;
});
addEventListener("drop", (event) => {
  dropping.value = false;
  if (!withFiles(event)) return;
  event.preventDefault();
  const files = event.dataTransfer?.files ?? [];
  if (files.length > 1) say("drop one table at a time");
  else if (files.length === 1 && ready.peek()) upload(files[0]);
});

const root = /** @type {HTMLElement} */ (document.getElementById("page"));
root.replaceChildren();
render(html`<${Page} />`, root);
begin();
beginLink();
