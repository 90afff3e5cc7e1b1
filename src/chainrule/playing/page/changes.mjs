// Where settings were changed while a run went on, as far as this tab has seen it.

import { effect, signal } from "./vendor/vendor.mjs";
import { head, ready, settings } from "./store.mjs";

/** @import {Settings} from "./types.mjs" */

/** @typedef {{epoch: number, text: string}} ChangeMark */

/** The changes of the present run, in order. */
export const changes = signal(/** @type {ChangeMark[]} */ ([]));

/**
 * What differs between two settings, as text; only what acts on a run as it is.
 * @param {Settings} before
 * @param {Settings} after
 */
export function differences(before, after) {
  const now = /** @type {Record<string, any>} */ (after.training);
  const then = /** @type {Record<string, any>} */ (before.training);
  return Object.keys(now).flatMap((name) => {
    if (JSON.stringify(now[name]) === JSON.stringify(then[name])) return [];
    const value = now[name];
    const text = value === null ? "as usual"
      : typeof value === "object"
        ? Object.entries(value).map(([key, number]) => `${key} ${number}`).join(", ")
        : String(value);
    return [`${name.replaceAll("_", " ")} ${text}`];
  }).join("; ");
}

/** @type {Settings | undefined} */
let last;
let run = -1;

effect(() => {
  if (!ready.value) return;
  const now = settings.value;
  const { run: current, step, epoch, steps_per_epoch: steps, batch_in_epoch: batch } = head.value;
  if (current !== run) {
    run = current;
    if (changes.peek().length > 0) changes.value = [];
  } else if (last !== undefined && now !== last && step > 0) {
    const text = differences(last, now);
    const at = epoch + (steps > 0 ? batch / steps : 0);
    if (text !== "") changes.value = [...changes.peek(), { epoch: at, text }];
  }
  last = now;
});
