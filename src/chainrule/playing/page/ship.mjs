import { html } from "./vendor/vendor.mjs";

/** To be written. */
export function Ship() {
  return html`<p class="note">To be written.</p>`;
}
