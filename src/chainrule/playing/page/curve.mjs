import { html } from "./vendor/vendor.mjs";

/** To be written. */
export function Curve() {
  return html`<p class="note">To be written.</p>`;
}
