import { html } from "./vendor/vendor.mjs";

/** To be written. */
export function Worked() {
  return html`<p class="note">To be written.</p>`;
}
