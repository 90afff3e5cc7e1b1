// A part of a panel that is folded away; what is in it exists only while it is open.

import { html, useState } from "./vendor/vendor.mjs";

/** @import {ComponentChildren} from "./vendor/vendor.mjs" */

/**
 * @param {object} props
 * @param {string} props.title
 * @param {boolean} [props.open]  at first
 * @param {ComponentChildren} props.children
 */
export function Unfold({ title, open = false, children }) {
  const [shown, setShown] = useState(open);
  return html`
    <details class="unfold" open=${shown} onToggle=${(/** @type {Event} */ event) =>
      setShown(/** @type {HTMLDetailsElement} */ (event.currentTarget).open)}>
      <summary>${title}</summary>
      ${shown && children}
    </details>`;
}
