import { html } from "./vendor/vendor.mjs";

/** To be written. */
export function Spread() {
  return html`<p class="note">To be written.</p>`;
}
