// What goroutines do, as colours: fixed, listed in one legend, the same everywhere. Work is strong, waiting is pale.

import type { StateName } from "../api/types";
import { hash, oklch, type Theme } from "../render/color";

export interface State { name: StateName; title: string; hint: string; light: number; dark: number }

/** In the order of the engine's numbers, from 1. */
export const states: State[] = [
	{ name: "running", title: "running", hint: "on a CPU", light: oklch(0.66, 0.145, 152), dark: oklch(0.68, 0.14, 152) },
	{ name: "runnable", title: "runnable", hint: "could run, waits for a P", light: oklch(0.82, 0.155, 88), dark: oklch(0.79, 0.14, 88) },
	{ name: "syscall", title: "syscall", hint: "in a system call", light: oklch(0.67, 0.11, 255), dark: oklch(0.63, 0.11, 255) },
	{ name: "network", title: "network", hint: "waits for the poller", light: oklch(0.865, 0.055, 225), dark: oklch(0.41, 0.06, 225) },
	{ name: "sync", title: "sync", hint: "mutex, wait group, condition", light: oklch(0.765, 0.125, 48), dark: oklch(0.61, 0.125, 48) },
	{ name: "channel", title: "channel", hint: "send, receive, select", light: oklch(0.855, 0.065, 302), dark: oklch(0.44, 0.085, 302) },
	{ name: "sleep", title: "sleep", hint: "timer", light: oklch(0.925, 0.018, 200), dark: oklch(0.31, 0.02, 200) },
	{ name: "gc", title: "GC", hint: "waits for the collector, or is its worker", light: oklch(0.72, 0.1, 345), dark: oklch(0.58, 0.11, 345) },
	{ name: "waiting", title: "other wait", hint: "anything else", light: oklch(0.905, 0.004, 250), dark: oklch(0.34, 0.006, 250) },
	{ name: "system", title: "runtime", hint: "a goroutine of the runtime runs", light: oklch(0.75, 0.035, 175), dark: oklch(0.5, 0.035, 175) },
];

const transparent = 0;

export function stateColor(theme: Theme, state: number): number {
	const s = states[state - 1];
	return s ? (theme.dark ? s.dark : s.light) : transparent;
}

/** A state's number, from 1; 0 for none. */
export const indexOf = (name: string) => states.findIndex((s) => s.name === name) + 1;

export function stateOf(name: StateName): State {
	return states.find((s) => s.name === name)!;
}

/** From the bottom of a column of shares upwards: work first. */
export const stacking = [1, 10, 8, 3, 2, 5, 6, 4, 9, 7];

/** Regions and tasks take their hue from the class of their name: what stands before the first separator (http-get, db.query). */
export const defaultClasses = "[-_./: ]";

let classSource = "";
let classPattern = /[-_./: ]/;

export function setClassPattern(source: string): void {
	if (source === classSource) return;
	classSource = source;
	regionColors.length = 0;
	try {
		classPattern = new RegExp(source || defaultClasses);
	} catch {
		classPattern = new RegExp(defaultClasses);
	}
}

export function classOf(name: string): string {
	const at = name.search(classPattern);
	return at > 0 ? name.slice(0, at) : name;
}

// By theme and depth, then by name: looked up for every box of every frame.
const regionColors: Map<string, number>[] = [];
const workColors: Map<string, number>[] = [];

function remembered(tables: Map<string, number>[], table: number, name: string, make: () => number): number {
	const colors = (tables[table] ??= new Map());
	let c = colors.get(name);
	if (c === undefined) {
		if (colors.size > 20_000) colors.clear();
		c = make();
		colors.set(name, c);
	}
	return c;
}

export function regionColor(theme: Theme, name: string, depth: number): number {
	return remembered(regionColors, Math.min(depth, 8) * 2 + (theme.dark ? 1 : 0), name, () => {
		const hue = hash(classOf(name)) % 360;
		const step = ((hash(name) & 7) - 3.5) / 7;
		return theme.dark ? oklch(0.46 + step * 0.06 - depth * 0.03, 0.085, hue) : oklch(0.8 + step * 0.06 + depth * 0.03, 0.085, hue);
	});
}

/** Colour of a goroutine on a P or thread: by its start function, so that the same work looks the same. */
export function workColor(theme: Theme, name: string): number {
	return remembered(workColors, theme.dark ? 1 : 0, name, () => {
		const hue = hash(name) % 360;
		const step = (hash(name) % 5) * 0.012;
		return theme.dark ? oklch(0.5 + step, 0.075, hue) : oklch(0.78 + step, 0.085, hue);
	});
}
