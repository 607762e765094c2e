// What is open on top of the page, and which canvas or table the keys go to. None of it belongs in a link.

import { signal } from "@preact/signals";
import type { Hit } from "../flame/chart";

export type Dialog = "" | "help" | "palette" | "record" | "export" | "settings" | "docs";
export const dialog = signal<Dialog>("");

/** Handles keys for the view that was used last. */
export interface KeyTarget {
	key(event: KeyboardEvent): boolean;
	/** Esc: undoes the smallest thing (zoom, then focus); false when nothing is left to undo */
	back(): boolean;
}
export const keyTarget = signal<KeyTarget | null>(null);

export interface Menu { x: number; y: number; name: string; node: number; path: string[]; file: string; line: number }
export const menu = signal<Menu | null>(null);

/** The frame that is selected in the canvas, with the tree that holds its numbers. */
export const selectedHit = signal<Hit | null>(null);

export const toast = signal<{ text: string; bad: boolean } | null>(null);
let toastTimer = 0;

export function say(text: string, bad = false): void {
	toast.value = { text, bad };
	clearTimeout(toastTimer);
	toastTimer = window.setTimeout(() => (toast.value = null), bad ? 8000 : 3000);
}
