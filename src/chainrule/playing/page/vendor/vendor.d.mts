import { type VNode } from "preact";
export { Component, Fragment, createRef, h, render } from "preact";
export type { ComponentChildren, RefObject, VNode } from "preact";
export * from "preact/hooks";
export { batch, computed, effect, signal, useComputed, useSignal, useSignalEffect, } from "@preact/signals";
export type { ReadonlySignal, Signal } from "@preact/signals";
export { default as katex } from "katex";
export { default as uPlot } from "uplot";
/** Markup as a tagged template. It must have one root: several give an array. */
export declare const html: (strings: TemplateStringsArray, ...values: unknown[]) => VNode;
