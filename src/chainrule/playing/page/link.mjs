// The address that brings back the page's state: `#s=` and the settings and view in it.

import { change, look, ready, say, settings, view } from "./store.mjs";
import { own } from "./words.mjs";

/** @import {Settings, View} from "./types.mjs" */

const SETTLED = 1000; // milliseconds in which the server's settings come back, if they changed

/** @param {unknown} value */
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * @param {unknown} value
 * @param {number} length
 */
const isPlace = (value, length) => value === null
  || (Array.isArray(value) && value.length === length && value.every(Number.isInteger));

// What of the view a link carries, and whether a value can be it; the server looks up names.
const VIEW = /** @type {Record<string, (value: any) => boolean>} */ ({
  surface: (value) => value === null || (isObject(value) && isObject(value.held)
    && typeof value.x === "string" && typeof value.y === "string"
    && Number.isInteger(value.size) && value.size >= 10 && value.size <= 100),
  maps: (value) => typeof value === "boolean",
  histograms: (value) => typeof value === "boolean",
  worked: (value) => value === null || (isObject(value) && Number.isInteger(value.row)
    && ["train", "validation"].includes(value.part)
    && isPlace(value.weight, 3) && isPlace(value.neuron, 2)),
});

/**
 * Bytes as text that an address may hold.
 * @param {string} text
 */
function pack(text) {
  const bytes = Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte));
  return btoa(bytes.join("")).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** @param {string} packed */
function unpack(packed) {
  const bytes = atob(packed.replaceAll("-", "+").replaceAll("_", "/"));
  return new TextDecoder("utf-8", { fatal: true })
    .decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)));
}

/**
 * The part of an address after the page's own.
 * @param {Settings} settings
 * @param {View} view
 */
export function writeLink(settings, view) {
  const seen = Object.fromEntries(Object.entries(view).filter(([key]) => own(VIEW, key)));
  return `#s=${pack(JSON.stringify({ settings, view: seen }))}`;
}

/**
 * What a link says; null without one, an error if it is damaged.
 * @param {string} hash
 * @returns {{settings: object, view: Partial<View>} | null}
 */
export function readLink(hash) {
  if (!hash.startsWith("#s=")) return null;
  const read = JSON.parse(unpack(hash.slice(3)));
  if (!isObject(read?.settings)) throw new Error("it holds no settings");
  const seen = Object.entries(read.view ?? {}).filter(([key, value]) => own(VIEW, key)?.(value));
  return { settings: read.settings, view: Object.fromEntries(seen) };
}

/** What stands behind the address for the page as it is now. */
export function fragment() {
  return writeLink(settings.peek(), view.peek());
}

/** The whole address of the page as it is now. */
export function address() {
  return location.origin + location.pathname + location.search + fragment();
}

/** What the address says; an error is said at the top of the page. */
function readAddress() {
  try {
    return readLink(location.hash);
  } catch {
    say("the link is damaged: the part from # on cannot be read");
    return null;
  }
}

/**
 * Wait for other settings than those before, but not long: they may have been the same.
 * @param {Settings} before
 * @returns {Promise<void>}
 */
function settled(before) {
  return new Promise((resolve) => {
    const end = () => {
      stop();
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(end, SETTLED);
    const stop = settings.subscribe((now) => {
      if (now !== before) queueMicrotask(end);
    });
  });
}

/** Set the page as its address says, if it says something. */
async function followLink() {
  const read = readAddress();
  if (read === null) return;
  const before = settings.peek();
  const reply = await change(read.settings);
  if (reply.ok) {
    await settled(before); // or the panels would look up its columns in the table before
    look(read.view);
  } else {
    say(`the link could not be followed: ${reply.error}`);
  }
}

/** Follow the link in the address once the page knows the server, and each that is put there. */
export function beginLink() {
  const stop = ready.subscribe((there) => {
    if (!there) return;
    queueMicrotask(() => stop());
    void followLink();
  });
  addEventListener("hashchange", followLink);
}
