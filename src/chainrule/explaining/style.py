"""How the page of an explanation looks: a style for the page, and one for what is in it."""

from __future__ import annotations

PAGE = """
:root { --paper: #fff; --ink: #1c1e21; --soft: #5b6470; --link: #0b5cad; --bar: #f4f6f8; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #15181c; --ink: #e4e7eb; --soft: #a3adb8; --link: #7db8f5; --bar: #1e2329; }
}
* { box-sizing: border-box; }
html { color-scheme: light dark; scroll-behavior: smooth; scroll-padding-top: 1rem; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 52rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 1rem; overflow-wrap: anywhere; }
a { color: var(--link); }
a:focus-visible, [tabindex]:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: 1rem; top: -4rem; padding: .5rem 1rem; background: var(--bar); }
.skip:focus { top: .5rem; }
nav { background: var(--bar); border-radius: .5rem; padding: .6rem 1rem; }
nav ol { margin: 0; padding: 0; list-style: none; display: flex; flex-wrap: wrap;
  gap: .2rem 1.2rem; }
nav li { overflow-wrap: anywhere; }
nav a { text-decoration: none; }
nav a:hover { text-decoration: underline; }
@media (min-width: 75rem) {
  body { max-width: 74rem; display: grid; grid-template-columns: 14rem minmax(0, 54rem);
    column-gap: 3rem; }
  header, main { grid-column: 2; }
  nav { grid-column: 1; grid-row: 2; position: sticky; top: 1.5rem; align-self: start; }
  nav ol { flex-direction: column; gap: .35rem; }
}
@media print {
  :root { --paper: #fff; --ink: #000; --soft: #444; --link: #000; }
  body { display: block; max-width: none; padding: 0; font-size: 10.5pt; }
  nav, .skip { display: none; }
}
"""

SCOPED = """
.chainrule-derivation { line-height: 1.55; overflow-wrap: break-word; }
.chainrule-derivation h2, .chainrule-derivation h4 { margin: 2rem 0 .5rem; line-height: 1.3;
  overflow-wrap: anywhere; break-after: avoid; }
.chainrule-derivation h2 { font-size: 1.3rem; padding-bottom: .2rem;
  border-bottom: 1px solid color-mix(in srgb, currentColor 22%, transparent); }
.chainrule-derivation p { margin: .7rem 0; max-width: 44rem; }
.chainrule-derivation math { font-size: 1.06em; }
.chainrule-derivation mtd { text-align: left; padding: .1em .8em .1em 0; }
.chainrule-derivation .lines { display: grid; margin: .8rem 0; padding-left: .5rem;
  grid-template-columns: fit-content(34%) minmax(0, 1fr) fit-content(25%); row-gap: .45rem; }
.chainrule-derivation .equation { display: grid; grid-column: 1 / -1;
  grid-template-columns: subgrid; align-items: baseline; break-inside: avoid; }
.chainrule-derivation .left { text-align: right; overflow-wrap: anywhere; }
.chainrule-derivation .sides { display: flex; flex-wrap: wrap; align-items: baseline;
  row-gap: .2rem; min-width: 0; }
.chainrule-derivation .side { max-width: 100%; overflow: auto hidden; padding: .15rem 0 .15rem 2em;
  text-indent: -2em; }
.chainrule-derivation .side > * { text-indent: 0; }
.chainrule-derivation .wide { padding-right: 1.2em; }
.chainrule-derivation .remark { display: flex; gap: .5em; justify-content: flex-end;
  padding-left: .8em; min-width: 0; overflow-wrap: anywhere; }
.chainrule-derivation .check { font-weight: 600; cursor: help;
  color: color-mix(in srgb, #2da44e 75%, currentColor); }
.chainrule-derivation .wrong { font-weight: 600;
  color: color-mix(in srgb, #e5343d 80%, currentColor); }
.chainrule-derivation .note, .chainrule-derivation .number { opacity: .75; }
.chainrule-derivation .blank { display: inline-block; width: 14em; max-width: 45vw; height: 1.6em;
  border-bottom: 1px solid currentColor; margin-left: .4em; }
.chainrule-derivation .sketch { display: block; max-width: 100%; height: auto; margin: 1rem 0; }
.chainrule-derivation .scroll { overflow-x: auto; margin: .8rem 0; }
.chainrule-derivation table { border-collapse: collapse; margin: 0; font-size: .95em;
  font-variant-numeric: tabular-nums; background: none; border: 0; }
.chainrule-derivation tr { background: none; break-inside: avoid; }
.chainrule-derivation th, .chainrule-derivation td { padding: .25rem .9rem .25rem 0; border: 0;
  text-align: right; white-space: nowrap; vertical-align: baseline; }
.chainrule-derivation .words { text-align: start; white-space: normal; max-width: 22rem; }
.chainrule-derivation thead th { font-weight: 600;
  border-bottom: 1px solid color-mix(in srgb, currentColor 45%, transparent); }
.chainrule-derivation tbody tr + tr td {
  border-top: 1px solid color-mix(in srgb, currentColor 12%, transparent); }
@media (max-width: 40rem) {
  .chainrule-derivation .lines { padding-left: 0; }
  .chainrule-derivation .equation { display: flex; flex-wrap: wrap; }
  .chainrule-derivation .left { text-align: left; }
  .chainrule-derivation .sides { flex: 0 1 auto; padding-left: .4em; }
  .chainrule-derivation .remark { margin-left: auto; }
}
@media print {
  .chainrule-derivation .new-page { break-before: page; }
  .chainrule-derivation .side, .chainrule-derivation .scroll { overflow: visible; }
  .chainrule-derivation .check { color: inherit; }
}
"""
