// One use of everything that vendor.mjs exports for drawing.

import {
  batch, Component, computed, createRef, effect, Fragment, h, html, katex, render, signal, uPlot,
  useComputed, useEffect, useRef, useSignal, useSignalEffect, useState,
} from "/vendor/vendor.mjs";

window.refused = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.refused.push(`${event.effectiveDirective} ${event.blockedURI}`);
});

const steps = signal(1);
const twice = computed(() => steps.value * 2);
effect(() => { window.steps = steps.value; });

class Named extends Component {
  box = createRef();
  componentDidMount() { window.named = this.box.current.textContent; }
  render() { return html`<p ref=${this.box}>class ${this.props.name}</p>`; }
}

function Curve() {
  const box = useRef(null);
  useEffect(() => {
    const plot = new uPlot({
      width: 400, height: 200, title: "loss",
      scales: { x: { time: false } },
      series: [{ label: "step" }, { label: "loss", stroke: "#0000ff", width: 3 }],
    }, [[0, 1, 2], [1, 0.5, 0.25]], box.current);
    plot.setData([[0, 1, 2, 3], [1, 0.5, 0.25, 0.125]]);
    plot.setSize({ width: 500, height: 240 });
    window.plot = plot;
    return () => plot.destroy();
  }, []);
  return html`<div ref=${box} />`;
}

function App() {
  const [clicks, setClicks] = useState(0);
  const own = useSignal(5);
  const square = useComputed(() => own.value ** 2);
  useSignalEffect(() => { window.own = own.value; });
  const click = () => {
    setClicks(clicks + 1);
    batch(() => { steps.value += 1; own.value += 1; });
  };
  return html`<${Fragment}>
    <h1 style=${{ color: "rgb(10, 20, 200)" }}>steps ${steps}, twice ${twice}</h1>
    <p id="text" style="color: rgb(1, 2, 3)">a style as text</p>
    <button onClick=${click}>clicks ${clicks}, own ${own}, square ${square}</button>
    <svg width="20" height="20" role="img" aria-label="an edge">
      <line x2="20" y2="20" stroke="black" stroke-width=${steps} style=${{ opacity: 0.5 }} />
    </svg>
    ${h(Named, { name: "component" })}
    <${Curve} />
    <div id="equations" />
  <//>`;
}

/** Typeset every equation; return those that KaTeX takes for wrong, or that are refused. */
window.typeset = async (equations) => {
  const wrong = [];
  const place = document.getElementById("equations");
  for (const tex of equations) {
    const before = window.refused.length;
    const box = place.appendChild(document.createElement("div"));
    try {
      katex.render(tex, box, { displayMode: true, trust: true, strict: false });
    } catch (error) {
      wrong.push(`${tex}: ${error}`);
    }
    await new Promise((resolve) => setTimeout(resolve)); // events of the policy come later
    if (window.refused.length > before) wrong.push(`${tex}: ${window.refused.at(-1)}`);
  }
  return wrong;
};

render(html`<${App} />`, document.getElementById("app"));
