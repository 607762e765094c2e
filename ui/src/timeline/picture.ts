// Which rectangles, strips and words make the timeline on a piece of screen. Pure: what it draws depends on what it is given.

import { CellFlag, type TrackHead } from "../api/tiles";
import type { TraceGap } from "../api/types";
import { frameColor, oklch, type Theme } from "../render/color";
import type { Picture } from "../render/draw";
import { fitName, packageOf, spellings, visible } from "../lib/names";
import { formatValue } from "../lib/format";
import type { Row } from "./rows";
import { regionColor, stateColor, workColor } from "./states";
import { fineCells, stripHeight, type Strips } from "./strips";
import { type LaneTile, type Piece, type TileStore } from "./store";
import { formatMoment, roundStep } from "./time";

export const gutter = 232;
export const axisHeight = 22;

export interface View { from: number; to: number; scroll: number; width: number; height: number }
export interface Placed { row: Row; y: number; height: number; pinned: boolean }
export interface Scene {
	view: View;
	store: TileStore;
	strips: Strips;
	curves: Strips;
	theme: Theme;
	level: number;
	measure(text: string): number;
	selected: string;
	hoverKey: string;
	range: [number, number] | null;
	/** the highlighted function is marked in the tiles */
	marking: boolean;
}

export const xOf = (v: View, t: number) => gutter + ((t - v.from) / (v.to - v.from)) * (v.width - gutter);
export const timeAt = (v: View, x: number) => v.from + ((x - gutter) / (v.width - gutter)) * (v.to - v.from);

function shade(theme: Theme, by: number): number {
	return theme.dark ? oklch(0.195 + by, 0.009, 250) : oklch(1 - by, 0.003, 250);
}

function each(s: Scene, pieces: Piece[], kind: TrackHead["kind"], visit: (tile: LaneTile, i: number, x: number, w: number, track: TrackHead, ends: boolean) => void): void {
	const v = s.view;
	for (const p of pieces)
		for (const t of p.tile.tracks) {
			if (t.kind !== kind) continue;
			const { start, end } = p.tile.source;
			let low = t.first, high = t.first + t.n;
			while (low < high) {
				const middle = (low + high) >> 1;
				if (end[middle]! < p.from) low = middle + 1;
				else high = middle;
			}
			for (let i = low; i < t.first + t.n && start[i]! < p.to; i++) {
				const x = Math.max(gutter, xOf(v, Math.max(start[i]!, p.from)));
				visit(p.tile, i, x, xOf(v, Math.min(end[i]!, p.to)) - x, t, end[i]! <= p.to);
			}
		}
}

/** Text inside a box when something useful of it fits. A box that two tiles share is named once. */
function label(p: Picture, s: Scene, text: string, x: number, y: number, w: number, h: number, color: number, names = true): void {
	if (w < 34) return;
	const t = names ? fitName(spellings(text), w - 8, s.measure) : fitName([visible(text)], w - 8, s.measure);
	if (t) p.texts.push({ text: t, x: x + 4, y: y + h / 2 + 0.5, color, bold: false });
}

const darkText = oklch(0.25, 0.01, 250);
const lightText = oklch(0.96, 0.004, 250);

/** Whole boxes, where tiles cut them. */
function wholeBox(s: Scene, tile: LaneTile, i: number): { x: number; w: number } {
	const x = Math.max(gutter, xOf(s.view, tile.source.start[i]!));
	return { x, w: Math.min(s.view.width, xOf(s.view, tile.source.end[i]!)) - x };
}

function drawStates(p: Picture, s: Scene, pieces: Piece[], lane: string, y: number, h: number): void {
	const work = lane[0] !== "g";
	for (const piece of pieces)
		for (const t of piece.tile.tracks)
			if (t.kind === "states") {
				const x = Math.max(gutter, xOf(s.view, piece.from));
				const w = xOf(s.view, piece.to) - x;
				const strip = s.strips.strip(piece.tile, t, s.theme, piece.from, piece.to, x, y, w, h);
				if (strip && w > 0) p.strips.push(strip);
			}
	let named = -1;
	each(s, pieces, "states", (tile, i, x, w, _track, ends) => {
		const { start, end, info, value, head } = tile.source;
		if ((info[i]! >>> 16) & CellFlag.Merged || end[i]! - start[i]! < fineCells * tile.cell) return;
		const state = info[i]! & 255;
		const goroutine = work ? s.store.goroutines.get(value[i]!) : undefined;
		const color = work && state === 1 && goroutine ? workColor(s.theme, goroutine.name) : stateColor(s.theme, state);
		p.rects.add(x, y, Math.max(0.6, w + (!ends ? 0.6 : w > 4 ? -0.5 : 0)), h, color);
		if (start[i] === named) return;
		named = start[i]!;
		const box = wholeBox(s, tile, i);
		const reason = head.reasons[(info[i]! >>> 8) & 255] ?? "";
		const text = goroutine ? goroutine.name : reason && state > 2 ? reason : "";
		const onDark = s.theme.dark ? !(state === 2) : false;
		if (text && h >= 11) label(p, s, text, box.x, y, box.w, h, onDark ? lightText : darkText, goroutine !== undefined);
	});
}

function drawNested(p: Picture, s: Scene, pieces: Piece[], y: number, rowHeight: number, step: number): void {
	each(s, pieces, "regions", (tile, i, x, w, t, ends) => {
		const name = tile.source.head.names[tile.source.value[i]!] ?? "";
		const top = y + t.depth * step;
		const h = step < rowHeight ? Math.max(2, rowHeight - t.depth * step) : rowHeight;
		p.rects.add(x, top, Math.max(0.8, w + (ends ? -0.5 : 0.6)), h - 0.5, regionColor(s.theme, name, t.depth));
		if (h < 10 || tile.source.start[i]! < tile.from - 1 && x > gutter + 1) return;
		const box = wholeBox(s, tile, i);
		label(p, s, name, box.x, top, box.w, h, s.theme.dark ? lightText : darkText, false);
	});
}

function drawMarks(p: Picture, s: Scene, pieces: Piece[], y: number, h: number): void {
	const ink = s.theme.dark ? oklch(0.97, 0.003, 250) : oklch(0.2, 0.01, 250);
	// Sampled is lighter than exact: a sample may be ten milliseconds off.
	const pale = s.theme.dark ? oklch(0.8, 0.02, 250, 0.5) : oklch(0.3, 0.02, 250, 0.45);
	each(s, pieces, "samples", (_t, _i, x) => {
		p.marks.add(x - 0.5, y + h - 4, 1, 4, pale);
	});
	// Far away each cell has one: what touches is one mark.
	let from = 0, to = -1;
	const flush = () => to > from && p.marks.add(from, y + h - 1.5, to - from, 2, stateColor(s.theme, 8));
	each(s, pieces, "ranges", (_t, _i, x, w) => {
		const end = x + Math.max(1, w);
		if (x < from || x > to) {
			flush();
			from = x;
			to = end;
		} else to = Math.max(to, end);
	});
	flush();
	each(s, pieces, "logs", (_t, _i, x) => {
		p.marks.add(x - 0.5, y - 1, 1, h + 2, ink);
		p.marks.add(x - 2, y - 1, 4, 3, ink);
	});
}

function drawHits(p: Picture, s: Scene, pieces: Piece[], y: number, h: number): void {
	each(s, pieces, "hits", (tile, i, x, w) => {
		const width = Math.max(1.2, w);
		p.marks.add(x, y + h, width, 3, s.theme.accent);
		if (!((tile.source.info[i]! >>> 16) & CellFlag.Merged)) {
			p.marks.add(x, y, width, 1, s.theme.accent);
			p.marks.add(x, y, 1, h, s.theme.accent);
			p.marks.add(x + width - 1, y, 1, h, s.theme.accent);
		}
	});
}

export const frameHeight = 13;
export const frameRows = 9;

/** The stacks of a pinned lane, outermost on top. */
function drawFrames(p: Picture, s: Scene, lane: string, y: number): void {
	each(s, s.store.pieces(`s${lane.slice(1)}`, s.level, s.view.from, s.view.to), "frames", (tile, i, x, w, t, ends) => {
		if (t.depth >= frameRows || w < 0.3) return;
		const name = tile.source.head.names[tile.source.value[i]!] ?? "";
		const pkg = packageOf(name);
		const tone = pkg === "runtime" ? "runtime" : pkg === "main" || pkg.split("/")[0]!.includes(".") ? "code" : "library";
		const top = y + t.depth * frameHeight;
		p.rects.add(x, top, Math.max(0.8, w + (ends ? -0.5 : 0.6)), frameHeight - 1, frameColor(s.theme, tone, pkg, name));
		if (tile.source.start[i]! < tile.from && x > gutter + 1) return;
		const box = wholeBox(s, tile, i);
		label(p, s, name, box.x, top, box.w, frameHeight - 1, s.theme.text);
	});
}

/** A lane of its usual height: states, below them the outermost regions with the inner ones inside. */
export function drawLane(p: Picture, s: Scene, place: Placed, depth: number): void {
	const pieces = s.store.pieces(place.row.lane, s.level, s.view.from, s.view.to);
	const y = place.y + 3;
	if (place.row.lane[0] === "t") {
		each(s, pieces, "tasks", (tile, i, x, w) => {
			const name = tile.source.head.names[tile.source.value[i]!] ?? "";
			p.rects.add(x, y, Math.max(1.5, w), 16, regionColor(s.theme, name, 0));
			const box = wholeBox(s, tile, i);
			label(p, s, name, box.x, y, box.w, 16, s.theme.dark ? lightText : darkText, false);
		});
		return;
	}
	const expanded = place.height > 30;
	const states = depth > 0 && !expanded ? 9 : expanded ? stripHeight : 18;
	drawStates(p, s, pieces, place.row.lane, y, states);
	if (depth > 0) drawNested(p, s, pieces, y + states + 1, expanded ? 14 : 11, expanded ? 14 : 3);
	if (place.height > 100 && place.row.lane[0] === "g") drawFrames(p, s, place.row.lane, y + states + depth * 14 + 4);
	drawMarks(p, s, pieces, y, states);
	if (s.marking) drawHits(p, s, pieces, y, states);
}

/** A scale that changes in few steps: each makes new images. */
function scaleFor(most: number): number {
	const power = 10 ** Math.floor(Math.log10(Math.max(1e-9, most)));
	for (const f of [1, 1.5, 2, 3, 4, 5, 6, 8]) if (f * power >= most) return f * power;
	return 10 * power;
}

/** Counts of a group or of all goroutines at work; a line at the bottom where any is there at all. */
export function drawCounts(p: Picture, s: Scene, lane: string, y: number, h: number, most: number): void {
	const scale = scaleFor(most);
	for (const piece of s.store.pieces(lane, s.level, s.view.from, s.view.to)) {
		if (!piece.tile.curve) continue;
		const x = Math.max(gutter, xOf(s.view, piece.from));
		const w = xOf(s.view, piece.to) - x;
		const strip = w > 0 ? s.curves.counts(piece.tile, s.theme, scale, piece.from, piece.to, x, y, w, h + 1) : null;
		if (strip) p.strips.push(strip);
	}
}

/** The largest count in sight, of working goroutines or of all. */
export function mostOf(s: Scene, lane: string, from: number, to: number, all: boolean): number {
	let most = 0;
	for (const piece of s.store.pieces(lane, s.level, from, to)) {
		const c = piece.tile.curve;
		if (!c) continue;
		const n = c.series.length;
		const first = Math.max(0, Math.floor((piece.from - piece.tile.from) / piece.tile.cell));
		const last = Math.min(c.n, Math.ceil((piece.to - piece.tile.from) / piece.tile.cell));
		for (let i = first; i < last; i++) {
			let sum = 0;
			if (n === 2) sum = Math.max(c.values[i * 2] || 0, c.values[i * 2 + 1] || 0);
			else for (let q = 0; q < (all ? 4 : 3); q++) sum += c.values[i * 4 + q]!;
			if (sum > most) most = sum;
		}
	}
	return most;
}

export function drawHeap(p: Picture, s: Scene, y: number, h: number, most: number): void {
	const area = s.theme.dark ? oklch(0.42, 0.06, 230) : oklch(0.86, 0.06, 230);
	const goal = s.theme.dark ? oklch(0.72, 0.1, 50) : oklch(0.6, 0.12, 50);
	for (const piece of s.store.pieces("heap", s.level, s.view.from, s.view.to)) {
		const c = piece.tile.curve;
		if (!c) continue;
		const first = Math.max(0, Math.floor((piece.from - piece.tile.from) / piece.tile.cell));
		const last = Math.min(c.n, Math.ceil((piece.to - piece.tile.from) / piece.tile.cell));
		let from = -1, heap = -1, at = -1;
		const flush = (x: number) => {
			if (from < 0) return;
			p.rects.add(from, y + h - heap, x - from, heap, area);
			if (at > 0) p.rects.add(from, y + h - at - 0.5, x - from, 1, goal);
		};
		for (let i = first; i < last; i++) {
			const a = Math.round(((c.values[i * 2] || 0) / most) * h);
			const b = Math.round(((c.values[i * 2 + 1] || 0) / most) * h);
			if (a === heap && b === at) continue;
			const x = Math.max(gutter, Math.round(xOf(s.view, piece.tile.from + i * piece.tile.cell)));
			// Two cells in one column: the higher one.
			if (x === from) {
				heap = Math.max(heap, a);
				at = Math.max(at, b);
				continue;
			}
			flush(x);
			from = x;
			heap = a;
			at = b;
		}
		flush(Math.min(s.view.width, Math.round(xOf(s.view, piece.to))));
	}
}

export function drawGC(p: Picture, s: Scene, y: number, h: number): void {
	const pieces = s.store.pieces("gc", s.level, s.view.from, s.view.to);
	const stw = s.theme.dark ? oklch(0.9, 0.02, 60) : oklch(0.28, 0.03, 30);
	const named = h >= 12;
	each(s, pieces, "ranges", (tile, i, x, w, t) => {
		const name = tile.source.head.names[tile.source.value[i]!] ?? "";
		if (t.depth === 1) {
			p.marks.add(x, y, Math.max(1.5, w), h, stw);
			if (named && w > 60) label(p, s, name.replace("stop-the-world ", "STW "), x, y, w, h, s.theme.dark ? darkText : lightText, false);
			return;
		}
		p.rects.add(x, y, Math.max(1, w), h, stateColor(s.theme, 8));
		if (!named) return;
		const box = wholeBox(s, tile, i);
		label(p, s, name, box.x, y, box.w, h, s.theme.dark ? lightText : darkText, false);
	});
}

export function drawAxis(p: Picture, s: Scene, y: number): void {
	const v = s.view;
	const step = roundStep(((v.to - v.from) / (v.width - gutter)) * 110);
	const muted = s.theme.mutedText;
	p.rects.add(0, y, v.width, axisHeight, shade(s.theme, s.theme.dark ? 0.025 : 0.02));
	for (let t = Math.ceil(v.from / step) * step; t <= v.to; t += step) {
		const x = xOf(v, t);
		p.rects.add(x, y + axisHeight - 5, 1, 5, s.theme.line);
		p.texts.push({ text: formatMoment(t, step), x: x + 4, y: y + axisHeight / 2, color: muted, bold: false });
	}
}

/** Lines of the axis through everything, behind it. */
export function drawGrid(p: Picture, s: Scene, from: number, to: number): void {
	const v = s.view;
	const step = roundStep(((v.to - v.from) / (v.width - gutter)) * 110);
	const color = shade(s.theme, s.theme.dark ? 0.03 : 0.03);
	for (let t = Math.ceil(v.from / step) * step; t <= v.to; t += step) p.rects.add(xOf(v, t), from, 1, to - from, color);
}

/** The name of a row at the left: what differs stays, the goroutine's number behind it. */
export function drawGutter(p: Picture, s: Scene, place: Placed): void {
	const { row, y, height } = place;
	const selected = row.key === s.selected;
	const background = selected ? (s.theme.dark ? oklch(0.3, 0.045, 235) : oklch(0.945, 0.03, 235)) :
		row.kind === "section" ? shade(s.theme, s.theme.dark ? 0.03 : 0.025) : row.key === s.hoverKey ? shade(s.theme, s.theme.dark ? 0.055 : 0.04) : s.theme.background;
	p.rects.add(0, y, gutter - 1, height, background);
	if (selected) p.rects.add(0, y, 3, height, s.theme.accent);
	const middle = y + Math.min(height, 28) / 2 + 0.5;
	const indent = 10 + Math.min(row.level, 9) * 12;
	if (row.open !== null) p.texts.push({ text: row.open ? "▾" : "▸", x: indent - 2, y: middle, color: s.theme.mutedText, bold: false });
	const left = indent + (row.open !== null ? 12 : 0);
	const note = row.kind === "group" && row.group ? formatValue(row.group.count, "count") : row.kind === "lane" && row.data && row.lane[0] === "g" ? String(row.data.id) : row.note;
	const noteWidth = note ? s.measure(note) + 10 : 0;
	if (note) p.texts.push({ text: note, x: gutter - noteWidth, y: middle, color: s.theme.mutedText, bold: false });
	const name = row.name ? fitName(spellings(row.name), (gutter - left - noteWidth - 6) / (row.kind === "lane" ? 1 : 1.25), s.measure) : row.kind === "lane" && !row.data ? "…" : row.kind === "section" ? "" : "(no name)";
	p.texts.push({
		text: name, x: left, y: middle, bold: row.kind !== "lane",
		color: row.data?.system || row.group?.system ? s.theme.mutedText : s.theme.text,
	});
}

export function drawRange(p: Picture, s: Scene, from: number, to: number): void {
	if (!s.range) return;
	const a = Math.max(gutter, xOf(s.view, s.range[0]));
	const b = Math.min(s.view.width, xOf(s.view, s.range[1]));
	const dim = s.theme.dark ? oklch(0.12, 0.01, 250, 0.5) : oklch(0.97, 0.003, 250, 0.62);
	if (a > gutter) p.marks.add(gutter, from, Math.min(a, s.view.width) - gutter, to - from, dim);
	if (b < s.view.width) p.marks.add(Math.max(b, gutter), from, s.view.width - Math.max(b, gutter), to - from, dim);
	if (a >= gutter && a < s.view.width) p.marks.add(a - 1, from, 1.5, to - from, s.theme.accent);
	if (b > gutter && b <= s.view.width) p.marks.add(b, from, 1.5, to - from, s.theme.accent);
}

/** What is missing, in words. */
export function gapText(g: TraceGap): string {
	const first = g.first_generation, last = g.last_generation;
	const of = first === undefined ? "" : last === undefined || last === first ? `generation ${first}, ` : `generations ${first} to ${last}, `;
	return `lost: ${of}bytes ${g.from_at} to ${g.until_at}`;
}

/** Where nothing is known a band lies over all lanes, so that it is not taken for rest. */
export function drawGaps(p: Picture, s: Scene, gaps: readonly TraceGap[], from: number, to: number): void {
	const band = s.theme.dark ? oklch(0.5, 0.1, 25, 0.28) : oklch(0.75, 0.1, 25, 0.3);
	const edge = s.theme.dark ? oklch(0.7, 0.15, 25) : oklch(0.55, 0.18, 25);
	for (const g of gaps) {
		if (g.end_ns <= s.view.from || g.start_ns >= s.view.to) continue;
		const a = Math.max(gutter, xOf(s.view, g.start_ns));
		const b = Math.min(s.view.width, Math.max(a + 1.5, xOf(s.view, g.end_ns)));
		p.marks.add(a, from, b - a, to - from, band);
		p.marks.add(a, from, 1, to - from, edge);
		p.marks.add(b - 1, from, 1, to - from, edge);
		const text = fitName([gapText(g), "lost"], b - a - 8, s.measure);
		if (text) p.texts.push({ text, x: a + 4, y: to - 10, color: s.theme.text, bold: false });
	}
}
