// What the colours of the surface and its points mean.

import { computed, html } from "./vendor/vendor.mjs";
import { useCanvas } from "./canvas.mjs";
import { classColour, css, ink, shade } from "./colours.mjs";
import { ticks } from "./numbers.mjs";
import { tonesNow } from "./pixels.mjs";
import { blocks, dark, head, table } from "./store.mjs";
import { count } from "./words.mjs";

/** @import {Tones} from "./pixels.mjs" */

// As text, so that a frame with the same colours does not draw the legend anew.
const tonesText = computed(() => {
  const known = head.value.surface !== undefined && table.value !== undefined;
  return known ? JSON.stringify(tonesNow()) : "";
});
const tones = computed(() => /** @type {Tones | null} */ (
  tonesText.value === "" ? null : JSON.parse(tonesText.value)));
const shown = computed(() => blocks.value.get("points_part"));

/** @param {{colour: string, ring?: boolean}} props */
function Dot({ colour, ring = false }) {
  const style = ring ? { borderColor: colour } : { borderColor: colour, background: colour };
  return html`<span class="dot" style=${style} aria-hidden="true"></span>`;
}

/** @param {{of: Tones}} props */
function Bar({ of }) {
  const canvas = useCanvas(() => [tones.value, dark.value], ({ context, width, height }) => {
    const now = tones.peek() ?? of;
    for (let x = 0; x < width; x += 1) {
      context.fillStyle = css(shade(now.scale, x / (width - 1), dark.peek()));
      context.fillRect(x, 0, 1, height);
    }
  });
  const words = of.kind === "binary"
    ? [table.value.classes[0], "50 %", table.value.classes[1]].map((text, k) => ({ text, at: k / 2 }))
    : ticks(of.low, of.high, 4).map(({ value, text }) => ({
      text, at: (value - of.low) / (of.high - of.low || 1),
    }));
  return html`
    <div class="tones">
      <canvas ref=${canvas} class="tones-canvas" aria-hidden="true"></canvas>
      <div class="tones-words">
        ${words.map(({ text, at }) => html`
          <span class=${at < 0.1 ? "first" : at > 0.9 ? "last" : ""}
            style=${{ left: `${100 * at}%` }}>${text}</span>`)}
      </div>
    </div>`;
}

/** Colours, and the two kinds of points. */
export function Legend() {
  const of = tones.value;
  if (of === null) return null;
  const { target, classes, rows } = table.value;
  const soft = ink(dark.value).soft;
  const all = rows.train + rows.validation;
  const drawn = shown.value?.length ?? 0;
  return html`
    <div class="legend">
      <span class="legend-target">${target}</span>
      ${of.kind === "classes"
        ? html`<ul class="swatches">${classes.map((name, k) => html`
            <li key=${name}><${Dot} colour=${css(classColour(k, dark.value))} />${name}</li>`)}</ul>`
        : html`<${Bar} of=${of} />`}
      <span class="legend-kinds">
        <span><${Dot} colour=${soft} />training</span>
        ${rows.validation > 0 && html`<span><${Dot} colour=${soft} ring />validation</span>`}
        ${drawn > 0 && drawn < all && html`<span class="note">${count(drawn)} of ${count(all)} rows</span>`}
      </span>
    </div>`;
}
