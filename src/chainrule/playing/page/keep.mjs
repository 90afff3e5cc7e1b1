import { html } from "./vendor/vendor.mjs";

/** To be written. */
export function Keep() {
  return html`<p class="note">To be written.</p>`;
}
