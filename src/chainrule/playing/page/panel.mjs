// A section of the page with a heading that opens and closes it.

import { html, signal, useEffect, useState } from "./vendor/vendor.mjs";
import { keep, kept } from "./store.mjs";

/** @import {ComponentChildren} from "./vendor/vendor.mjs" */

const narrow = matchMedia("(max-width: 760px)");

/** The names of panels that are to open. */
const wanted = signal(/** @type {ReadonlySet<string>} */ (new Set()));

/**
 * Open a panel, as what was done elsewhere is shown in it.
 * @param {string} name
 */
export function openPanel(name) {
  wanted.value = new Set(wanted.peek()).add(name);
}

/**
 * A panel. What is in it exists only while it is open, so that a closed one costs nothing.
 * @param {object} props
 * @param {string} props.name  one word, also the start of its id
 * @param {string} props.title
 * @param {boolean | "wide"} [props.open]  at first; "wide" is open where there is room
 * @param {ComponentChildren} props.children
 */
export function Panel({ name, title, open = true, children }) {
  const [shown, setShown] = useState(() => {
    const choice = kept(`panel-${name}`);
    if (choice !== null) return choice === "open";
    return open === "wide" ? !narrow.matches : open;
  });
  useEffect(() => {
    if (!wanted.value.has(name)) return;
    wanted.value = new Set([...wanted.peek()].filter((other) => other !== name));
    setShown(true);
  }, [wanted.value]);
  const toggle = () => {
    keep(`panel-${name}`, shown ? "closed" : "open");
    setShown(!shown);
  };
  return html`
    <section class=${`panel panel-${name}`} aria-labelledby=${`${name}-title`}>
      <h2 id=${`${name}-title`}>
        <button type="button" class="panel-head" aria-expanded=${shown}
          aria-controls=${`${name}-body`} onClick=${toggle}>
          <span class="panel-mark" aria-hidden="true"></span>${title}
        </button>
      </h2>
      <div id=${`${name}-body`} class="panel-body" hidden=${!shown}>
        ${shown && children}
      </div>
    </section>`;
}
