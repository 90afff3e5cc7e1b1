// What the page knows: the last frame, what this tab looks at, and the errors to be shown.
// Panels read signals from here and call `send` and `change`; socket.mjs fills it.
//
// Panels are drawn only once the first frame is there, so settings, options, table and
// network are never missing in them.

import { computed, effect, signal } from "./vendor/vendor.mjs";

/**
 * @import {Block, Change, Head, Network, Options, Reply, Settings, Table, View} from "./types.mjs"
 * @import {ReadonlySignal} from "./vendor/vendor.mjs"
 */

/** The head of the last frame; what comes once stays in it. */
export const head = signal(/** @type {Head} */ ({}));

/** The numbers of the last frame by name: parameters, gradient, curve, surface ... */
export const blocks = signal(/** @type {Map<string, Block>} */ (new Map()));

/** Whether the first frame is there. */
export const ready = computed(() => head.value.settings !== undefined);

// These change only when the server sends them anew, not with every frame.
export const settings = /** @type {ReadonlySignal<Settings>} */ (computed(() => head.value.settings));
export const options = /** @type {ReadonlySignal<Options>} */ (computed(() => head.value.options));
export const table = /** @type {ReadonlySignal<Table>} */ (computed(() => head.value.table));
export const network = /** @type {ReadonlySignal<Network>} */ (computed(() => head.value.network));
export const snapshots = computed(() => head.value.snapshots ?? []);
export const status = computed(() => head.value.status);

/** What this tab looks at: `view.value = {...view.value, histograms: true}`. */
export const view = signal(/** @type {View} */ ({
  surface: null, maps: false, compare: null, metrics: false, histograms: false, worked: null,
  hidden_tab: document.hidden,
}));

/**
 * Replace parts of the view.
 * @param {Partial<View>} part
 */
export function look(part) {
  view.value = { ...view.peek(), ...part };
}

/** "first" before the first frame, "open", "lost", "refused" (another token). */
export const connection = signal(/** @type {"first" | "open" | "lost" | "refused"} */ ("first"));

/** Messages by the place of the settings they are about ("training.learning_rate"). */
export const errors = signal(/** @type {Map<string, string>} */ (new Map()));

/** An error that is about no field; it stays until it is closed. */
export const notice = signal(/** @type {string | null} */ (null));

/** What was done just now, where the page does not show it otherwise. */
export const done = signal(/** @type {string | null} */ (null));

/**
 * Say something that concerns the whole page.
 * @param {string} text
 * @param {"error" | "done"} kind
 */
export function say(text, kind = "error") {
  (kind === "error" ? notice : done).value = text;
}

/** @type {(command: object) => Promise<Reply>} */
let sender = async () => ({ ok: false, error: "the connection is not open yet" });

/**
 * Give the function that sends commands; socket.mjs does.
 * @param {(command: object) => Promise<Reply>} send
 */
export function sendBy(send) {
  sender = send;
}

/**
 * Send a command; the reply says whether it was done. Never rejects.
 * @param {{do: string} & Record<string, unknown>} command
 * @returns {Promise<Reply>}
 */
export function send(command) {
  return sender(command);
}

let refused = ""; // what the last order that failed said

/**
 * Send a command and say its error, if it has one, at the top of the page, until one is done.
 * @param {{do: string} & Record<string, unknown>} command
 * @returns {Promise<Reply>}
 */
export async function order(command) {
  const reply = await sender(command);
  if (!reply.ok) {
    refused = reply.error ?? "this was refused";
    say(refused);
  } else if (notice.peek() === refused) {
    notice.value = null;
  }
  return reply;
}

/**
 * The places that a change is about, as "training.learning_rate".
 * @param {Change} part
 * @returns {string[]}
 */
function places(part) {
  return Object.entries(part).flatMap(([name, value]) =>
    value !== null && typeof value === "object"
      ? Object.keys(value).map((key) => `${name}.${key}`)
      : [name]);
}

/** The places that have a field on the page, so that an error is not shown twice. */
const fields = /** @type {Map<string, number>} */ (new Map());

/**
 * Announce a field that shows the errors of a place; returns how to take it back.
 * @param {string} where
 */
export function showsErrors(where) {
  fields.set(where, (fields.get(where) ?? 0) + 1);
  return () => {
    const left = (fields.get(where) ?? 1) - 1;
    if (left > 0) fields.set(where, left);
    else fields.delete(where);
  };
}

/**
 * Show an error at its field, or at the top if it has none on the page.
 * @param {string} where
 * @param {string} message
 */
export function showError(where, message) {
  if (fields.has(where)) {
    const atField = message.replace(/^[a-z0-9_]+(\.[a-z0-9_]+|\[\d+\])* is (?=.*; it must)/, "it is ");
    errors.value = new Map(errors.peek()).set(where, atField);
  } else {
    errors.value = new Map(errors.peek()).set(where, message);
    say(message);
  }
}

/**
 * Forget the errors of some places.
 * @param {string[]} wheres
 */
export function forgetErrors(wheres) {
  const left = new Map(errors.peek());
  for (const where of wheres) {
    if (left.get(where) === notice.peek()) notice.value = null;
    left.delete(where);
  }
  if (left.size < errors.peek().size) errors.value = left;
}

/**
 * Change settings. An error is shown at `at` if given, else where the server says.
 * @param {Change} part
 * @param {string} [at]
 * @returns {Promise<Reply>}
 */
export async function change(part, at) {
  const changed = at === undefined ? places(part) : [at, ...places(part)];
  const reply = await sender({ do: "settings", settings: part });
  if (reply.ok) {
    const nowhere = [...errors.peek().keys()].filter((where) => !fields.has(where));
    forgetErrors([...changed, ...nowhere]);
  } else {
    showError(at ?? reply.where ?? changed[0] ?? "", reply.error ?? "this was refused");
  }
  return reply;
}

const wantsDark = matchMedia("(prefers-color-scheme: dark)");
const systemDark = signal(wantsDark.matches);
wantsDark.addEventListener("change", () => { systemDark.value = wantsDark.matches; });

/**
 * What was kept in this browser under a name.
 * @param {string} name
 */
export function kept(name) {
  try {
    return localStorage.getItem(`chainrule-${name}`);
  } catch {
    return null; // storage is switched off
  }
}

/**
 * Keep a text in this browser; null forgets it.
 * @param {string} name
 * @param {string | null} text
 */
export function keep(name, text) {
  try {
    if (text === null) localStorage.removeItem(`chainrule-${name}`);
    else localStorage.setItem(`chainrule-${name}`, text);
  } catch {
    // storage is switched off: the choice holds until the page is left
  }
}

/** The user's choice of theme; null follows the system. */
export const theme = signal(/** @type {"light" | "dark" | null} */ (
  ["light", "dark"].includes(kept("theme") ?? "") ? kept("theme") : null));

/** Whether the page is dark. */
export const dark = computed(() =>
  theme.value === null ? systemDark.value : theme.value === "dark");

effect(() => {
  document.documentElement.dataset.theme = dark.value ? "dark" : "light";
});
effect(() => keep("theme", theme.value));

const wantsCalm = matchMedia("(prefers-reduced-motion: reduce)");

/** Whether motion is to be reduced. */
export const calm = signal(wantsCalm.matches);
wantsCalm.addEventListener("change", () => { calm.value = wantsCalm.matches; });
