"""How live is the playground? Its page in headless Chromium, beside ``chainrule.train``.

    pip install -e '.[browser]' and Debian's chromium; then
    python benchmarks/playground.py [--seconds 10]

A 2-16-1 network on 300 rows of two moons, with the prediction surface of 100 x 100 cells, the
neurons' maps, the scores and the curve in sight, as the page opens. Server, browser and this
script share the machine.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
NETWORK = {"network": {"hidden_layer_sizes": [16]}, "training": {"epochs": 1_000_000}}
COUNTED = """async (seconds) => {
  const store = await import("/page/store.mjs");
  let [updates, frames, going] = [0, 0, true];
  const stop = store.blocks.subscribe(() => { updates += 1; });
  const count = () => { frames += 1; if (going) requestAnimationFrame(count); };
  requestAnimationFrame(count);
  const first = performance.now();
  await new Promise((done) => setTimeout(done, 1000 * seconds));
  going = false;
  stop();
  const passed = (performance.now() - first) / 1000;
  return [(updates - 1) / passed, frames / passed, store.head.value.samples_per_second];
}"""
CLICKS = """async (times) => {
  const figure = document.querySelector("[data-figure=step]");
  const click = [...document.querySelectorAll("button")].find((b) => b.textContent === "Step");
  const waits = [];
  for (let k = 0; k < times; k += 1) {
    await new Promise((done) => setTimeout(done, 150));
    const before = performance.now();
    waits.push(await new Promise((shown) => {
      const watch = new MutationObserver(() => {
        watch.disconnect();
        requestAnimationFrame(() => shown(performance.now() - before));
      });
      watch.observe(figure, { characterData: true, childList: true, subtree: true });
      click.click();
    }));
  }
  return waits;
}"""
SENT = """async (command) => (await import("/page/store.mjs")).send(command)"""


def samples_a_second_of_train(seconds: float) -> float:
    """Return how many samples a second ``chainrule.train`` takes of the same training."""
    from chainrule import train
    from chainrule.playing.choices import choices_of
    from chainrule.playing.settling import ready
    from chainrule.playing.sources import shelf, table_of

    choices = choices_of(NETWORK)
    moons = shelf()[choices.data.source]
    prepared = ready(choices, moons, table_of(moons, choices.data))
    rows, held = prepared.train, prepared.validation
    X, Y, settings = prepared.X, prepared.Y, dict(prepared.settings)
    rates = []
    for epochs in (10, 20_000, 20_000, 20_000):
        begin = time.perf_counter()
        train(
            prepared.network, X[rows], Y[rows], validation=(X[held], Y[held]),
            **settings | {"epochs": epochs},
        )  # fmt: skip
        rates.append(epochs * len(rows) / (time.perf_counter() - begin))
    return max(rates)


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(seconds: float) -> None:
    """Open the page, let it run, and print what was counted."""
    from playwright.sync_api import sync_playwright

    alone = samples_a_second_of_train(seconds)
    command = [Path(sys.executable).with_name("chainrule"), "play", "--no-browser", "--port", "0"]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server,
        sync_playwright() as playwright,
    ):
        told = next(line for line in server.stdout or () if "http://" in line)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        begin = time.perf_counter()
        page.goto(re.search(r"http://\S+", told)[0])  # type: ignore[index]
        page.wait_for_function(
            "async () => (await import('/page/store.mjs')).head.value.surface !== undefined"
        )
        print(f"first surface after {time.perf_counter() - begin:.2f} s")
        assert page.evaluate(SENT, {"do": "settings", "settings": NETWORK})["ok"]
        waits = page.evaluate(CLICKS, 30)
        print(f"step click shown: median {statistics.median(waits):.0f} ms, most {max(waits):.0f}")
        for speed, name in ((200, "200 steps a second"), (None, "full speed")):
            page.evaluate(SENT, {"do": "speed", "steps_per_second": speed})
            page.evaluate(SENT, {"do": "play"})
            time.sleep(1.5)
            used = cpu_seconds(server.pid)
            updates, frames, samples = page.evaluate(COUNTED, seconds)
            share = (cpu_seconds(server.pid) - used) / seconds
            begin = time.perf_counter()
            page.evaluate(SENT, {"do": "pause"})
            print(
                f"{name}: {updates:.1f} updates and {frames:.1f} frames a second, server "
                f"{100 * share:.0f} % of a core, {samples:,.0f} samples a second "
                f"({samples / alone:.2f} of train's {alone:,.0f}); "
                f"pause answered after {1000 * (time.perf_counter() - begin):.0f} ms"
            )
        browser.close()
        server.send_signal(2)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--seconds", type=float, default=10.0)
    measure(parser.parse_args().seconds)
