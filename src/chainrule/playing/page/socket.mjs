// The connection to the server: commands up as JSON, frames down as bytes.
//
// A frame is answered with "ready" once the page has taken it in, which it does not
// while it draws; only then does the server build the next, so nothing queues. A lost connection is tried again, ever more slowly.

import { batch, effect } from "./vendor/vendor.mjs";
import { blocks, connection, head, look, notice, sendBy, view } from "./store.mjs";

/** @import {Block, Head, Reply} from "./types.mjs" */

/** The token of this launch, from the page's address. */
export const token = new URLSearchParams(location.search).get("token") ?? "";

const NOT_DONE = "the connection is lost: this was not done";
const FIRST_WAIT = 400; // milliseconds
const LONGEST_WAIT = 8000;

// Of a run that is no more, these would be wrong.
const OF_A_RUN = /** @type {(keyof Head)[]} */ ([
  "surface", "surface_compared", "maps", "metrics", "histograms", "ill", "worked"]);
const BLOCKS_OF_A_RUN = ["parameters", "gradient", "curve", "surface", "maps",
  "surface_compared", "predicted_actual", "predicted_part"];

/**
 * Read a frame: its head, and its blocks by name.
 * @param {ArrayBuffer} buffer
 * @returns {{head: Partial<Head>, blocks: Map<string, Block>}}
 */
export function decode(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const text = new TextDecoder().decode(new Uint8Array(buffer, 4, length));
  const read = /** @type {Partial<Head>} */ (JSON.parse(text));
  const found = new Map();
  for (const { name, type, shape, offset } of read.blocks ?? []) {
    const count = shape.reduce((product, size) => product * size, 1);
    const at = 4 + length + offset;
    const numbers = type === "float32" ? new Float32Array(buffer, at, count)
      : type === "uint16" ? new Uint16Array(buffer, at, count)
      : new Uint8Array(buffer, at, count);
    found.set(name, Object.assign(numbers, { shape }));
  }
  return { head: read, blocks: found };
}

/**
 * Put a frame over what is known.
 * @param {{head: Partial<Head>, blocks: Map<string, Block>}} frame
 */
function take(frame) {
  const known = { ...head.peek() };
  const numbers = new Map(blocks.peek());
  if (frame.head.run !== known.run) {
    for (const key of OF_A_RUN) delete known[key];
    for (const name of BLOCKS_OF_A_RUN) numbers.delete(name);
  }
  for (const [name, block] of frame.blocks) numbers.set(name, block);
  // Every frame has these of the run that is compared, if it can be.
  for (const name of ["curve_compared", "surface_compared"]) {
    if (!frame.blocks.has(name)) numbers.delete(name);
  }
  if (frame.head.surface_compared === undefined) delete known.surface_compared;
  batch(() => {
    blocks.value = numbers;
    head.value = { ...known, ...frame.head };
  });
}

/** @type {WebSocket | null} */
let socket = null;
let wait = FIRST_WAIT;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let number = 0;
const waiting = /** @type {Map<number, (reply: Reply) => void>} */ (new Map());

/**
 * Call when the page is about to be drawn; a hidden tab draws nothing.
 * @param {() => void} call
 */
function beforeDrawing(call) {
  if (document.hidden) setTimeout(call);
  else requestAnimationFrame(() => call());
}

/**
 * @param {object} command
 * @returns {Promise<Reply>}
 */
function send(command) {
  const open = socket;
  if (open === null || open.readyState !== WebSocket.OPEN) {
    return Promise.resolve({ ok: false, error: NOT_DONE });
  }
  const id = ++number;
  return new Promise((resolve) => {
    waiting.set(id, resolve);
    open.send(JSON.stringify({ ...command, id }));
  });
}

/** @param {MessageEvent} event */
function receive(event) {
  if (typeof event.data === "string") {
    const reply = JSON.parse(event.data);
    waiting.get(reply.re)?.(reply);
    waiting.delete(reply.re);
    return;
  }
  const open = socket;
  const frame = decode(event.data);
  try {
    take(frame);
  } finally {
    if (connection.peek() !== "open" && notice.peek() === NOT_DONE) notice.value = null;
    connection.value = "open";
    wait = FIRST_WAIT;
    // A page that still draws does not come to this: it never has more than one frame before it.
    if (open?.readyState === WebSocket.OPEN) {
      open.send(JSON.stringify({ do: "ready", id: ++number, number: frame.head.frame }));
    }
  }
}

/** Whether the server still knows the token; null when it does not answer. */
async function known() {
  try {
    const answer = await fetch(`/?token=${encodeURIComponent(token)}`, { cache: "no-store" });
    return answer.status !== 403;
  } catch {
    return null;
  }
}

async function lost() {
  socket = null;
  connection.value = "lost";
  for (const resolve of waiting.values()) {
    resolve({ ok: false, error: "the connection was lost before the answer came" });
  }
  waiting.clear();
  if (await known() === false) {
    connection.value = "refused";
    return;
  }
  clearTimeout(timer);
  timer = setTimeout(connect, wait);
  wait = Math.min(2 * wait, LONGEST_WAIT);
}

/** Connect, now. */
export function connect() {
  clearTimeout(timer);
  if (socket !== null) return;
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  socket = new WebSocket(`${scheme}://${location.host}/socket?token=${encodeURIComponent(token)}`);
  socket.binaryType = "arraybuffer";
  socket.addEventListener("open", sendView);
  socket.addEventListener("message", receive);
  socket.addEventListener("close", lost);
}

function sendView() {
  void send({ do: "view", ...view.peek() });
}

/** Begin: connect, and send the view whenever it changes. */
export function begin() {
  sendBy(send);
  let asked = false;
  effect(() => {
    void view.value;
    if (asked) return;
    asked = true;
    beforeDrawing(() => {
      asked = false;
      if (socket?.readyState === WebSocket.OPEN) sendView();
    });
  });
  document.addEventListener("visibilitychange", () => {
    look({ hidden_tab: document.hidden });
    if (!document.hidden && connection.peek() === "lost") connect();
  });
  addEventListener("online", () => connect());
  connect();
}
