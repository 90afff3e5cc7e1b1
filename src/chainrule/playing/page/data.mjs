import { html } from "./vendor/vendor.mjs";

/** To be written. */
export function Data() {
  return html`<p class="note">To be written.</p>`;
}
