// The page: where its panels stand, and the keys of the whole page.

import { html, render } from "./vendor/vendor.mjs";
import { Curve } from "./curve.mjs";
import { Data } from "./data.mjs";
import { Drawing } from "./drawing.mjs";
import { Keep } from "./keep.mjs";
import { Model } from "./model.mjs";
import { Panel } from "./panel.mjs";
import { Scores } from "./scores.mjs";
import { Ship } from "./ship.mjs";
import { begin } from "./socket.mjs";
import { Spread } from "./spread.mjs";
import { ready } from "./store.mjs";
import { Surface } from "./surface.mjs";
import { Training } from "./training.mjs";
import { Transport } from "./transport.mjs";
import { Worked } from "./worked.mjs";

function Page() {
  if (!ready.value) {
    return html`<main class="waiting"><h1>chainrule playground</h1><p>Connecting …</p></main>`;
  }
  return html`
    <header class="top"><${Transport} /></header>
    <main class="columns">
      <div class="column">
        <${Panel} name="data" title="Data" open="wide"><${Data} /><//>
        <${Panel} name="training" title="Training" open="wide"><${Training} /><//>
      </div>
      <div class="column">
        <${Panel} name="network" title="Network"><${Model} /><${Drawing} /><//>
        <${Panel} name="worked" title="Worked step" open="wide"><${Worked} /><//>
        <${Panel} name="keep" title="Snapshots" open="wide"><${Keep} /><//>
        <${Panel} name="ship" title="Take it with you" open="wide"><${Ship} /><//>
      </div>
      <div class="column">
        <${Panel} name="surface" title="Prediction"><${Surface} /><//>
        <${Panel} name="curve" title="Loss"><${Curve} /><//>
        <${Panel} name="scores" title="Scores"><${Scores} /><//>
        <${Panel} name="spread" title="Distributions" open=${false}><${Spread} /><//>
      </div>
    </main>`;
}

const root = /** @type {HTMLElement} */ (document.getElementById("page"));
root.replaceChildren();
render(html`<${Page} />`, root);
begin();
