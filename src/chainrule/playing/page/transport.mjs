// Play, pause, step, rewind, speed; where the run stands, and why it does not go on.

import { computed, html, useId, useState } from "./vendor/vendor.mjs";
import { change, head, options, order, settings, status } from "./store.mjs";
import { count, number, rate } from "./words.mjs";

const SPEEDS = [0.5, 1, 2, 5, 10, 30, 100, 1000];

/** Play if it does not, else pause. */
export function playOrPause() {
  return order({ do: status.peek() === "playing" ? "pause" : "play" });
}

export const oneStep = () => order({ do: "step", count: 1 });
export const oneEpoch = () => order({ do: "epoch", count: 1 });
export const rewind = () => order({ do: "rewind" });

/** The learning rate that is set, or the solver's own. */
function learningRate() {
  const { learning_rate, solver } = settings.peek().training;
  return learning_rate
    ?? options.peek().solvers.find(({ name }) => name === solver)?.learning_rate ?? 0.01;
}

async function gentler() {
  const reply = await change({
    training: { learning_rate: Number((learningRate() / 10).toPrecision(3)) } });
  if (reply.ok) await rewind();
}

/** After the epochs asked for: as many again. */
async function goOn() {
  const reply = await change({ training: { epochs: 2 * settings.peek().training.epochs } });
  if (reply.ok) await order({ do: "play" });
}

const WORDS = { playing: "Playing", paused: "Paused", ended: "Ended", failed: "Failed" };

/**
 * A button that is clicked does not keep the focus, so that Space plays and pauses after it;
 * one that is reached by Tab has it. What is being typed elsewhere is finished.
 * @param {MouseEvent} event
 */
function keepFocus(event) {
  if (!(event.target instanceof Element && event.target.closest("button"))) return;
  event.preventDefault();
  if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
}

/** The buttons that stay in sight. */
function Buttons() {
  const playing = status.value === "playing";
  return html`
    <div class="buttons first" role="group" aria-label="Training">
      <button type="button" class="play" aria-keyshortcuts="Space" onClick=${playOrPause}>
        <span class=${playing ? "icon pause" : "icon go"} aria-hidden="true"></span>
        ${playing ? "Pause" : "Play"}
      </button>
      <button type="button" aria-keyshortcuts="s" title="One step: one batch (s)"
        onClick=${oneStep}>Step</button>
      <button type="button" aria-keyshortcuts="e" title="All batches once (e)"
        onClick=${oneEpoch}>Epoch</button>
      <button type="button" aria-keyshortcuts="r"
        title="Back to the same initial weights (r)" onClick=${rewind}>Rewind</button>
    </div>`;
}

/** The buttons that are used less. */
function More() {
  const [epochs, setEpochs] = useState("100");
  const id = useId();
  return html`
    <div class="buttons more" role="group" aria-label="More of training">
      <form class="joined" onSubmit=${(/** @type {Event} */ event) => {
        event.preventDefault();
        void order({ do: "epoch", count: Number(epochs) });
      }}>
        <label for=${id} class="apart">Epochs to run</label>
        <input id=${id} type="number" min="1" max="100000" step="1" required value=${epochs}
          onInput=${(/** @type {any} */ event) => setEpochs(event.target.value)} />
        <button type="submit">Run epochs</button>
      </form>
      <button type="button" title="Other initial weights"
        onClick=${() => order({ do: "new_seed" })}>New seed</button>
      <${Speed} />
    </div>`;
}

const speed = computed(() => head.value.speed ?? null);

function Speed() {
  const id = useId();
  const now = speed.value;
  const speeds = now === null || SPEEDS.includes(now)
    ? SPEEDS : [...SPEEDS, now].sort((a, b) => a - b);
  return html`
    <span class="joined">
      <label for=${id} class="roomy">Speed</label>
      <select id=${id} aria-label="Speed" value=${now === null ? "full" : String(now)}
        onChange=${(/** @type {any} */ event) => order({
          do: "speed",
          steps_per_second: event.target.value === "full" ? null : Number(event.target.value),
        })}>
        ${speeds.map((each) => html`
          <option value=${String(each)}>${each < 10 ? each : count(each)}${
            each === 1 ? " step/s" : " steps/s"}</option>`)}
        <option value="full">full speed</option>
      </select>
    </span>`;
}

/** Where the run stands. */
function Figures() {
  const now = head.value;
  return html`
    <dl class="figures">
      <div><dt>Epoch</dt><dd data-figure="epoch">${count(now.epoch)}</dd></div>
      <div><dt>Step</dt><dd data-figure="step">${count(now.step)}</dd></div>
      <div class="of-train"><dt>Loss</dt>
        <dd data-figure="loss">${number(now.loss)}</dd></div>
      <div class="of-validation"><dt>Validation</dt>
        <dd data-figure="validation_loss">${number(now.validation_loss)}</dd></div>
      <div><dt>Samples/s</dt><dd data-figure="rate">${rate(now.samples_per_second)}</dd></div>
    </dl>`;
}

/** What the run does, and why. The words change rarely, so they are read out. */
export function State() {
  const { status: now, why, epoch } = head.value;
  const failed = now === "failed";
  const over = now === "ended" && epoch >= settings.value.training.epochs;
  return html`
    <div class=${`state state-${now}`}>
      <p role="status"><b>${WORDS[now]}</b>${why && html`<span>: ${why}</span>`}</p>
      ${over && html`
        <button type="button" class="small" onClick=${goOn}>As many again</button>`}
      ${failed && html`
        <button type="button" onClick=${rewind}>Rewind</button>
        <button type="button" onClick=${gentler}>Learning rate ÷ 10, and rewind</button>`}
    </div>`;
}

/** The bar at the top of the page. */
export function Transport() {
  return html`
    <div class="transport" onMouseDown=${keepFocus}>
      <${Buttons} />
      <${More} />
      <${Figures} />
    </div>`;
}
