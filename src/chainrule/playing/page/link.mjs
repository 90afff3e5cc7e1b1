// The address that brings back the page's state: `#s=` and the settings and view in it.

import { change, look, ready, say, settings, view } from "./store.mjs";

/** @import {Settings, View} from "./types.mjs" */

const VIEW = /** @type {(keyof View)[]} */ (["surface", "maps", "histograms", "worked"]);

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
  const seen = Object.fromEntries(VIEW.map((key) => [key, view[key]]));
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
  if (typeof read?.settings !== "object" || read.settings === null) {
    throw new Error("it holds no settings");
  }
  const seen = typeof read.view === "object" && read.view !== null ? read.view : {};
  return {
    settings: read.settings,
    view: Object.fromEntries(VIEW.filter((key) => key in seen).map((key) => [key, seen[key]])),
  };
}

/** The whole address of the page as it is now. */
export function address() {
  return location.origin + location.pathname + location.search
    + writeLink(settings.peek(), view.peek());
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

/** Set the page as its address says, if it says something. */
export async function followLink() {
  const read = readAddress();
  if (read === null) return;
  const reply = await change(read.settings);
  if (reply.ok) look(read.view);
  else say(`the link could not be followed: ${reply.error}`);
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
