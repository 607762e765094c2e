// Files that are still being written: looked at again and again, and read again when that gives more.

import { effect, signal } from "@preact/signals";
import { ApiError, getJSON, post } from "../api/client";
import type { GoroutineDetail, LanesAnswer } from "../api/types";
import { navigate, route, type Route } from "./route";
import { docById, loadSession, session } from "./session";
import { say } from "./ui";

const leastMs = 1000;
/** so many times as long as the last reading took, the engine is left alone */
const rest = 5;

interface Again { documents: number[]; file_bytes: number; is_over: boolean }

/** Documents that grow with their files. */
export const followed = signal<ReadonlySet<number>>(new Set());
const timers = new Map<number, number>();

/** Lanes of goroutines that are selected or pinned, with their numbers: a goroutine that was first seen near the end may lie elsewhere in the next reading. */
async function lanesOf(id: number): Promise<Map<string, number>> {
	const { doc, lane, pins } = route.peek();
	const lanes = doc === id ? [...new Set([lane, ...pins])].filter((l) => /^g\d+$/.test(l)) : [];
	const known = new Map<string, number>();
	for (const l of lanes) {
		const row = (await getJSON<LanesAnswer>(`/api/lanes?doc=${id}&lane=${l}`)).rows[0];
		if (row) known.set(l, row.id);
	}
	return known;
}

/** What is selected stays so. Frames of graphs have other numbers: their function is what stays. */
async function keepPlaces(id: number, lanes: Map<string, number>): Promise<void> {
	const now = new Map<string, string>();
	for (const [lane, goroutine] of lanes) {
		const found = await getJSON<GoroutineDetail>(`/api/goroutine?doc=${id}&id=${goroutine}&limit=1`).catch(() => null);
		now.set(lane, found?.lane ?? "");
	}
	const r = route.peek();
	if (r.doc !== id && r.base !== id) return;
	const patch: Partial<Route> = { root: 0, zoom: "", node: -1 };
	if (now.has(r.lane)) patch.lane = now.get(r.lane)!;
	if (r.pins.some((p) => now.has(p))) patch.pins = r.pins.map((p) => now.get(p) ?? p).filter(Boolean);
	navigate(patch, "replace");
}

async function readAgain(id: number, follow: boolean): Promise<Again> {
	const lanes = docById(id)?.kind === "trace" ? await lanesOf(id) : new Map<string, number>();
	const answer = await post<Again>("/api/open", { again: id, follow });
	if (answer.documents.length) {
		await Promise.all([loadSession(), keepPlaces(id, lanes)]);
	}
	return answer;
}

/** Reads a file again that may be longer by now. */
export async function reopen(id: number): Promise<void> {
	try {
		const { documents } = await readAgain(id, false);
		if (!documents.length) say("The file is as it was");
	} catch (error) {
		say(error instanceof ApiError ? error.message : String(error), true);
	}
}

/** Who has gone into a part of a graph looks at that one: it stays until they come out. */
export function holdsGraph(id: number): boolean {
	const r = route.value;
	return (r.doc === id || r.base === id) && ["flame", "diff"].includes(r.view) && (r.root !== 0 || r.zoom !== "");
}

async function look(id: number): Promise<void> {
	let wait = leastMs;
	if (!document.hidden && !holdsGraph(id)) {
		const began = performance.now();
		try {
			const { is_over } = await readAgain(id, true);
			if (is_over) {
				unfollow(id);
				say("Nothing more is written to the file: it is followed no longer");
			}
		} catch (error) {
			unfollow(id);
			if (docById(id)) say(error instanceof ApiError ? error.message : String(error), true);
		}
		wait = Math.max(wait, rest * (performance.now() - began));
	}
	if (followed.peek().has(id)) timers.set(id, window.setTimeout(() => void look(id), wait));
}

export function follow(id: number): void {
	if (followed.peek().has(id)) return;
	followed.value = new Set([...followed.peek(), id]);
	void look(id);
}

export function unfollow(id: number): void {
	followed.value = new Set([...followed.peek()].filter((x) => x !== id));
	clearTimeout(timers.get(id));
	timers.delete(id);
}

export function toggleFollow(id: number): void {
	if (followed.peek().has(id)) unfollow(id);
	else follow(id);
}

// `gospect ui --follow`: once for each, so that who says no is not asked again.
const offered = new Set<number>();
effect(() => {
	for (const id of session.value?.follow ?? [])
		if (!offered.has(id)) {
			offered.add(id);
			queueMicrotask(() => follow(id));
		}
});
