// A timeline one can move in: pointer, wheel and keys on top of the picture. Knows nothing of the page around it.

import { CellFlag } from "../api/tiles";
import type { TraceGap } from "../api/types";
import { formatCount, formatValue } from "../lib/format";
import { dark as darkTheme, light as lightTheme, oklch, type Theme } from "../render/color";
import type { Picture } from "../render/draw";
import { Listener } from "../render/listen";
import { measureText } from "../render/measure";
import { Motion } from "../render/motion";
import { Surface, type Wish } from "../render/surface";
import {
	axisHeight, drawAxis, drawCounts, drawGaps, drawGC, drawGrid, drawGutter, drawHeap, drawLane, drawRange, frameHeight, frameRows, gutter, mostOf, timeAt, xOf, type Placed, type Scene, type View,
} from "./picture";
import { laneHeight, type Row, type Rows } from "./rows";
import { Strips } from "./strips";
import { cellAt, levelFor, type LaneTile, type TileStore } from "./store";
import { formatLength } from "./time";

export interface LaneHit { row: Row; tile: LaneTile | null; cell: number; time: number; part: "label" | "states" | "regions" | "frames" | "fixed" }

export interface TimelineEvents {
	/** the visible time changed and has come to rest */
	moved(from: number, to: number): void;
	select(row: Row | null, time: number): void;
	range(range: [number, number] | null): void;
	toggle(row: Row): void;
	pin(row: Row): void;
	hover(hit: LaneHit | null, x: number, y: number): void;
	/** what is on screen has come to rest */
	seen(): void;
	/** each frame of a movement */
	moving(from: number, to: number): void;
}

/** Who woke the selected goroutine, and when. */
export interface Arrow { time: number; from: string; to: string }

/** A piece of the critical path on its lane. */
export interface PathPiece { from: number; to: number; lane: string }

const fixedRows: { lane: string; name: string; height: number }[] = [
	{ lane: "gc", name: "GC and STW", height: 22 },
	{ lane: "heap", name: "Heap", height: 34 },
	{ lane: "count", name: "Goroutines at work", height: 34 },
];
const zoomKey = 1.5;
const panKey = 0.15;

type Drag = { kind: "range" | "pan" | "zoom"; x: number; y: number; time: number; from: number; to: number; scroll: number; moved: boolean };

export class TimelineChart {
	private readonly surface: Surface;
	private readonly strips = new Strips();
	private readonly curves = new Strips(112, 30);
	private theme: Theme = lightTheme;
	private readonly view: View;
	private store: TileStore | null = null;
	private rows: Rows | null = null;
	private pins: Row[] = [];
	private placed: Placed[] = [];
	private selected = "";
	private at = -1;
	private hoverKey = "";
	private range: [number, number] | null = null;
	private draft: [number, number] | null = null;
	private arrows: Arrow[] = [];
	private path: PathPiece[] = [];
	private marking = false;
	private gaps: readonly TraceGap[] = [];
	private readonly motion: Motion;
	private said = { from: -1, to: -1 };
	private drag: Drag | null = null;
	private settle = 0;
	private pointerX = -1;
	private revealKey = "";
	private scrollTop = 0;
	private readonly listener: Listener;
	wheelZooms = false;

	constructor(readonly host: HTMLElement, wish: Wish, private duration: number, private readonly events: TimelineEvents) {
		this.view = { from: 0, to: duration, scroll: 0, width: 0, height: 0 };
		this.motion = new Motion(this.view, () => this.arrived());
		this.listener = new Listener(host);
		this.surface = new Surface(host, wish, (p, w, h, now) => this.paint(p, w, h, now));
		this.listen();
	}

	chooseRenderer(wish: Wish): void {
		this.surface.choose(wish);
	}

	setTheme(isDark: boolean): void {
		this.theme = isDark ? darkTheme : lightTheme;
		this.surface.invalidate();
	}

	setData(store: TileStore, rows: Rows): void {
		this.store = store;
		this.rows = rows;
		this.surface.invalidate();
	}

	/** The trace has become longer. Who looks at a part keeps it; who looks at the whole or its end goes on doing so. */
	setDuration(duration: number): void {
		const { from, to } = this.goal, grown = duration - this.duration;
		const zoomed = this.zoomed, ends = to >= this.duration - (to - from) / 100;
		if (!grown) return;
		this.duration = duration;
		if (!zoomed) this.go(0, duration, true);
		else this.go(from + (ends ? grown : 0), to + (ends ? grown : 0), ends);
	}

	setPins(pins: Row[]): void {
		this.pins = pins;
		this.surface.invalidate();
	}

	setGaps(gaps: readonly TraceGap[]): void {
		this.gaps = gaps;
		this.surface.invalidate();
	}

	setMarking(on: boolean): void {
		this.marking = on;
		this.surface.invalidate();
	}

	setArrows(arrows: Arrow[]): void {
		this.arrows = arrows;
		this.surface.invalidate();
	}

	setPath(path: PathPiece[]): void {
		this.path = path;
		this.surface.invalidate();
	}

	setSelection(key: string, at: number): void {
		if (key === this.selected && at === this.at) return;
		this.selected = key;
		this.at = at;
		this.revealKey = key;
		this.surface.invalidate();
	}

	setRange(range: [number, number] | null): void {
		this.range = range;
		this.surface.invalidate();
	}

	setWindow(from: number, to: number): void {
		if (this.settle) return;
		const is = (place: { from: number; to: number }) => Math.abs(place.from - from) + Math.abs(place.to - to) < 2;
		// Its own words, come back when it has long been on its way again.
		if (is(this.goal) || (this.motion.moving && is(this.said))) return;
		this.go(from, to, true);
	}

	/** From elsewhere (the strip above): at once, as the pointer moves. */
	moveTo(from: number, to: number): void {
		this.go(from, to, false);
	}

	invalidate(): void {
		this.surface.invalidate();
	}

	get window(): { from: number; to: number } {
		return { from: this.view.from, to: this.view.to };
	}

	get zoomed(): boolean {
		const g = this.goal;
		return g.to - g.from < this.duration * 0.9999;
	}

	private get goal(): { from: number; to: number } {
		return this.motion.goal;
	}

	private get lanesTop(): number {
		return axisHeight + fixedRows.reduce((n, r) => n + r.height, 0) + this.pins.reduce((n, r) => n + this.pinHeight(r), 0) + 1;
	}

	private pinHeight(row: Row): number {
		const depth = row.data?.depth ?? 0;
		// Many pins have to share the height: then without stacks.
		if (row.lane[0] === "g") return 34 + depth * 14 + (this.pins.length > 3 ? 0 : frameRows * frameHeight - 8);
		return laneHeight + 8;
	}

	private paint(p: Picture, width: number, height: number, now: number): boolean {
		const v = this.view;
		v.width = width;
		v.height = height;
		const moving = this.motion.step(now);
		this.events.moving(v.from, v.to);
		p.clear(this.theme.background);
		if (!this.store || !this.rows || width <= gutter + 20) return moving;
		const nsPerPixel = (v.to - v.from) / (width - gutter);
		const scene: Scene = {
			view: v, store: this.store, strips: this.strips, curves: this.curves, theme: this.theme, level: levelFor(nsPerPixel), measure: measureText, selected: this.selected, hoverKey: this.hoverKey,
			range: this.draft ?? this.range, marking: this.marking,
		};
		this.reveal(height);
		this.strips.begin(5);
		this.curves.begin(5);
		const top = this.lanesTop;
		v.scroll = Math.max(0, Math.min(v.scroll, this.rows.height - (height - top)));
		drawGrid(p, scene, axisHeight, height);
		const wanted = ["gc", "heap", "count"];
		this.placed = [];
		// Rows that scroll first: what lies above them covers their edge.
		for (const { row, y } of this.rows.between(v.scroll, v.scroll + height - top)) {
			const place = { row, y: top + y - v.scroll, height: row.height, pinned: false };
			this.placed.push(place);
			if (row.lane) wanted.push(row.lane);
			this.drawRow(p, scene, place);
		}
		this.scrollbar(p, top, height);
		const covered = p.strips.length;
		this.coverTop(p, scene, top, covered);
		let y = axisHeight;
		for (const f of fixedRows) {
			this.drawFixed(p, scene, f, y);
			y += f.height;
		}
		for (const row of this.pins) {
			const place = { row, y, height: this.pinHeight(row), pinned: true };
			this.placed.push(place);
			wanted.push(row.lane);
			if (row.lane[0] === "g") wanted.push(`s${row.lane.slice(1)}`);
			this.drawRow(p, scene, place);
			y += place.height;
		}
		p.rects.add(0, y, width, 1, this.theme.line);
		p.rects.add(gutter - 1, 0, 1, height, this.theme.line);
		drawAxis(p, scene, 0);
		this.drawPath(p);
		this.drawArrows(p, top);
		drawGaps(p, scene, this.gaps, axisHeight, height);
		drawRange(p, scene, axisHeight, height);
		this.drawDraft(p, scene);
		// One window further to each side, so that a small step finds its tiles.
		const margin = (v.to - v.from) * 0.25;
		this.store.want([...new Set(wanted)], scene.level, v.from - margin, v.to + margin);
		if (scene.level < this.store.topLevel) this.store.want([...new Set(wanted)].slice(0, 200), Math.min(this.store.topLevel, scene.level + 4), v.from, v.to, true);
		return moving || this.strips.skipped || this.curves.skipped;
	}

	/** Cuts what the scrolled rows draw above their own top: strips and rectangles of the first row may reach over it. */
	private coverTop(p: Picture, s: Scene, top: number, strips: number): void {
		p.rects.add(0, axisHeight, s.view.width, top - axisHeight, this.theme.background);
		for (let i = 0; i < strips; i++) {
			const t = p.strips[i]!;
			if (t.y >= top) continue;
			const cut = Math.min(t.h, top - t.y);
			const share = cut / t.h;
			t.sy += t.sh * share;
			t.sh *= 1 - share;
			t.y += cut;
			t.h -= cut;
		}
		for (let i = p.strips.length - 1; i >= 0; i--) if (p.strips[i]!.h < 0.5) p.strips.splice(i, 1);
		for (let i = p.texts.length - 1; i >= 0; i--) if (p.texts[i]!.y < top + 5) p.texts.splice(i, 1);
		const { box } = p.marks;
		for (let i = 0; i < p.marks.count; i++)
			if (box[i * 4 + 1]! < top) {
				const cut = Math.min(box[i * 4 + 3]!, top - box[i * 4 + 1]!);
				box[i * 4 + 1]! += cut;
				box[i * 4 + 3]! -= cut;
			}
		drawGrid(p, s, axisHeight, top);
	}

	private drawRow(p: Picture, s: Scene, place: Placed): void {
		const { row, y, height } = place;
		if (row.kind === "section") p.rects.add(gutter, y, s.view.width - gutter, height, this.theme.dark ? oklch(0.225, 0.009, 250) : oklch(0.975, 0.003, 250));
		else if (row.key === this.selected || row.key === this.hoverKey)
			p.rects.add(gutter, y, s.view.width - gutter, height, row.key === this.selected ? (this.theme.dark ? oklch(0.25, 0.025, 235) : oklch(0.972, 0.014, 235)) : this.theme.dark ? oklch(0.225, 0.01, 250) : oklch(0.985, 0.002, 250));
		if (row.kind === "group" && row.lane) drawCounts(p, s, row.lane, y + 3, height - 6, Math.max(1, mostOf(s, row.lane, s.view.from, s.view.to, false)));
		else if (row.kind === "lane" && row.lane) drawLane(p, s, place, row.data?.depth ?? 0);
		if (row.kind === "lane" && row.key === this.selected && this.at >= s.view.from && this.at <= s.view.to)
			p.marks.add(xOf(s.view, this.at) - 0.75, y + 1, 1.5, height - 2, this.theme.accent);
		drawGutter(p, s, place);
	}

	private drawFixed(p: Picture, s: Scene, f: (typeof fixedRows)[number], y: number): void {
		const h = f.height - 6;
		p.texts.push({ text: f.name, x: 10, y: y + f.height / 2, color: this.theme.text, bold: false });
		if (f.lane === "gc") drawGC(p, s, y + 3, h);
		else if (f.lane === "heap") {
			const most = mostOf(s, "heap", s.view.from, s.view.to, true);
			if (most > 0) drawHeap(p, s, y + 3, h, most * 1.05);
			this.scale(p, most > 0 ? formatValue(most, "bytes") : "", y);
		} else {
			const most = mostOf(s, "count", s.view.from, s.view.to, false);
			drawCounts(p, s, "count", y + 3, h, Math.max(1, most) * 1.05);
			this.scale(p, most > 0 ? (most >= 10 ? formatCount(most) : most.toFixed(1)) : "", y);
		}
		p.rects.add(0, y + f.height - 0.5, s.view.width, 0.5, this.theme.line);
	}

	private scale(p: Picture, text: string, y: number): void {
		if (text) p.texts.push({ text, x: gutter - measureText(text) - 8, y: y + 10, color: this.theme.mutedText, bold: false });
	}

	private scrollbar(p: Picture, top: number, height: number): void {
		const visible = height - top;
		if (!this.rows || this.rows.height <= visible) return;
		const h = Math.max(24, (visible / this.rows.height) * visible);
		const y = top + (this.view.scroll / (this.rows.height - visible)) * (visible - h);
		p.marks.add(this.view.width - 5, y, 4, h, this.theme.dark ? oklch(0.6, 0.01, 250, 0.6) : oklch(0.5, 0.01, 250, 0.4));
	}

	/** An unblock happens at one moment: its arrow stands upright between the two lanes; a short one has its waker out of sight. */
	private drawArrows(p: Picture, top: number): void {
		const middle = new Map<string, number>();
		for (const place of this.placed) if (place.row.lane && !middle.has(place.row.lane)) middle.set(place.row.lane, place.y + Math.min(place.height, 24) / 2);
		let drawn = 0;
		for (const a of this.arrows) {
			if (a.time < this.view.from || a.time > this.view.to || drawn > 400) continue;
			const to = middle.get(a.to);
			if (to === undefined) continue;
			const from = middle.get(a.from);
			const x = xOf(this.view, a.time);
			const start = from ?? (to - top > 40 ? to - 22 : to + 22);
			const color = from === undefined ? this.theme.mutedText : this.theme.accent;
			p.marks.add(x - 0.5, Math.min(start, to), 1, Math.abs(to - start), color);
			if (from !== undefined) p.marks.add(x - 2, from - 2, 4, 4, color);
			const down = to > start ? 1 : -1;
			for (let k = 0; k < 4; k++) p.marks.add(x - 0.5 - k, to - 4 * down - k * down - (down < 0 ? 1 : 0), 1 + 2 * k, 1, color);
			drawn++;
		}
	}

	/** A bar along the foot of each lane that the critical path goes through, and upright lines where it goes from one to another. */
	private drawPath(p: Picture): void {
		if (!this.path.length) return;
		const feet = new Map<string, number>();
		for (const place of this.placed) if (place.row.lane && !feet.has(place.row.lane)) feet.set(place.row.lane, place.y + Math.min(place.height, laneHeight) - 3);
		let before: number | undefined, beforeTo = -1, reached = -Infinity;
		for (const piece of this.path) {
			const y = feet.get(piece.lane);
			if (piece.to < this.view.from || piece.from > this.view.to || y === undefined) {
				before = undefined;
				continue;
			}
			const a = Math.max(gutter, xOf(this.view, piece.from)), b = Math.min(this.view.width, xOf(this.view, piece.to));
			// Thousands of short steps make no more marks than there are pixels.
			if (b - reached >= 0.5 || before !== y) {
				p.marks.add(a, y, Math.max(1, b - a), 3, this.theme.accent);
				if (before !== undefined && before !== y && a - xOf(this.view, beforeTo) < 3 && a > gutter) p.marks.add(a - 0.5, Math.min(before, y), 1, Math.abs(before - y) + 3, this.theme.accent);
				reached = b;
			}
			before = y;
			beforeTo = piece.to;
		}
	}

	private drawDraft(p: Picture, s: Scene): void {
		const r = this.draft ?? this.range;
		if (!r) return;
		const text = formatLength(r[1] - r[0]);
		const a = Math.max(gutter, xOf(s.view, r[0])), b = Math.min(s.view.width, xOf(s.view, r[1]));
		if (b <= gutter || a >= s.view.width) return;
		const w = measureText(text) + 12;
		const x = Math.max(gutter, Math.min((a + b) / 2 - w / 2, s.view.width - w));
		p.marks.add(x, 2, w, axisHeight - 4, this.theme.accent);
		p.texts.push({ text, x: x + 6, y: axisHeight / 2, color: this.theme.dark ? oklch(0.2, 0.02, 240) : 0xffffffff, bold: false });
	}

	private reveal(height: number): void {
		if (!this.revealKey || !this.rows || this.pins.some((r) => r.key === this.revealKey)) {
			this.revealKey = "";
			return;
		}
		const index = this.rows.indexOf(this.revealKey);
		if (index < 0) return;
		this.revealKey = "";
		const place = this.rows.at(index);
		if (!place) return;
		const visible = height - this.lanesTop;
		if (place.y < this.view.scroll) this.view.scroll = place.y - 4;
		else if (place.y + place.row.height > this.view.scroll + visible) this.view.scroll = place.y + place.row.height - visible + 4;
	}

	private arrived(): void {
		clearTimeout(this.settle);
		this.settle = window.setTimeout(() => {
			this.settle = 0;
			this.said = { from: this.view.from, to: this.view.to };
			this.events.moved(this.view.from, this.view.to);
			this.events.seen();
		}, 180);
	}

	private go(from: number, to: number, animate: boolean): void {
		const least = Math.min(this.duration, 40);
		let span = Math.max(least, Math.min(this.duration, to - from));
		if (!Number.isFinite(span)) span = this.duration;
		from = Math.max(0, Math.min(from, this.duration - span));
		this.motion.go(from, from + span, animate);
		this.surface.invalidate();
	}

	zoomBy(factor: number, pivot: number, animate = true): void {
		const g = this.goal;
		const at = (pivot - g.from) / (g.to - g.from);
		const span = Math.max(40, (g.to - g.from) / factor);
		this.go(pivot - span * at, pivot + span * (1 - at), animate);
	}

	pan(fraction: number): void {
		const g = this.goal;
		const by = (g.to - g.from) * fraction;
		this.go(g.from + by, g.to + by, true);
	}

	showAll(): void {
		this.go(0, this.duration, true);
	}

	/** Moves so that a stretch of time fills most of the width. */
	fit(from: number, to: number): void {
		const margin = (to - from) * 0.15;
		this.go(from - margin, to + margin, true);
	}

	/** Moves just enough to see a moment. */
	revealTime(time: number): void {
		const g = this.goal;
		const span = g.to - g.from;
		if (time < g.from + span * 0.04 || time > g.to - span * 0.04) this.go(time - span / 2, time + span / 2, true);
	}

	hitAt(x: number, y: number): LaneHit | null {
		if (!this.store) return null;
		const time = Math.max(0, Math.min(this.duration, timeAt(this.view, x)));
		if (y < axisHeight) return null;
		let place: Placed | undefined;
		for (const p of this.placed) if (y >= p.y && y < p.y + p.height && (p.pinned || y >= this.lanesTop)) place = p;
		if (!place) {
			let top = axisHeight;
			for (const f of fixedRows) {
				if (y >= top && y < top + f.height) {
					const row: Row = { key: f.lane, kind: "lane", lane: f.lane, name: f.name, level: 0, height: f.height, open: null, group: null, data: null, note: "" };
					return this.cellOf(row, time, "ranges", "fixed");
				}
				top += f.height;
			}
			return null;
		}
		if (x < gutter) return { row: place.row, tile: null, cell: -1, time, part: "label" };
		const depth = place.row.data?.depth ?? 0;
		const below = y - place.y - 3;
		if (depth > 0 && below > (place.height > 30 ? 14 : 9)) {
			const found = this.cellOf(place.row, time, "regions", "regions");
			if (found.cell >= 0) return found;
		}
		const frames = below - 14 - depth * 14 - 4;
		if (place.pinned && place.height > 100 && place.row.lane[0] === "g" && frames >= 0) {
			const found = this.cellOf({ ...place.row, lane: `s${place.row.lane.slice(1)}` }, time, "frames", "frames", Math.floor(frames / frameHeight));
			return { ...found, row: place.row };
		}
		return this.cellOf(place.row, time, place.row.lane[0] === "t" ? "tasks" : "states", "states");
	}

	private cellOf(row: Row, time: number, kind: string, part: LaneHit["part"], depth = -1): LaneHit {
		const perPixel = (this.view.to - this.view.from) / Math.max(1, this.view.width - gutter);
		for (const piece of this.store!.pieces(row.lane, levelFor(perPixel), time, time + 1)) {
			// The deepest region wins.
			const tracks = piece.tile.tracks.filter((t) => t.kind === kind && (depth < 0 || t.depth === depth)).sort((a, b) => b.depth - a.depth);
			for (const t of tracks) {
				const cell = cellAt(piece.tile, t, time, perPixel);
				if (cell >= 0) return { row, tile: piece.tile, cell, time, part };
			}
			if (piece.tile.curve) return { row, tile: piece.tile, cell: -1, time, part };
		}
		return { row, tile: null, cell: -1, time, part };
	}

	/** Selects the next span of the selected lane that is wide enough to see. */
	private walkSpans(step: 1 | -1): void {
		const row = this.placed.find((p) => p.row.key === this.selected)?.row;
		if (!row || !this.store) return;
		const level = levelFor((this.view.to - this.view.from) / Math.max(1, this.view.width - gutter));
		let at = this.at >= 0 ? this.at : this.view.from;
		const all = this.store.pieces(row.lane, level, 0, this.duration).sort((a, b) => a.from - b.from);
		let best = -1;
		for (const piece of all)
			for (const t of piece.tile.tracks)
				if (t.kind === "states")
					for (let i = t.first; i < t.first + t.n; i++) {
						const a = Math.max(piece.tile.source.start[i]!, piece.tile.from);
						const b = piece.tile.source.end[i]!;
						const middle = (a + b) / 2;
						if (step > 0 && a > at && (best < 0 || middle < best)) best = middle;
						if (step < 0 && b < at && middle > best) best = middle;
					}
		if (best < 0) return;
		this.at = best;
		this.revealTime(best);
		this.events.select(row, best);
		this.surface.invalidate();
	}

	private walkRows(step: number): void {
		if (!this.rows) return;
		const index = this.rows.indexOf(this.selected);
		const next = this.rows.at(Math.max(0, Math.min(this.rows.count - 1, index < 0 ? (step > 0 ? 0 : this.rows.count - 1) : index + step)));
		if (!next) return;
		this.selected = next.row.key;
		this.revealKey = next.row.key;
		this.events.select(next.row, this.at);
		this.surface.invalidate();
	}

	private selectedRow(): Row | null {
		return this.placed.find((p) => p.row.key === this.selected)?.row ?? (this.rows && this.selected ? (this.rows.at(this.rows.indexOf(this.selected))?.row ?? null) : null);
	}

	private pivot(): number {
		const x = this.pointerX > gutter ? this.pointerX : -1;
		if (x >= 0) return timeAt(this.view, x);
		if (this.at >= this.view.from && this.at <= this.view.to) return this.at;
		return (this.goal.from + this.goal.to) / 2;
	}

	/** Returns true when the key meant something here. */
	key(event: KeyboardEvent): boolean {
		if (event.ctrlKey || event.metaKey || event.altKey) return false;
		switch (event.key) {
			case "w": case "W": case "+": case "=": this.zoomBy(zoomKey, this.pivot()); return true;
			case "s": case "S": case "-": this.zoomBy(1 / zoomKey, this.pivot()); return true;
			case "a": case "A": this.pan(-panKey); return true;
			case "d": case "D": this.pan(panKey); return true;
			case "0": case "Home": this.showAll(); return true;
			case "ArrowUp": this.walkRows(-1); return true;
			case "ArrowDown": this.walkRows(1); return true;
			case "ArrowLeft": case ",": {
				const row = this.selectedRow();
				if (event.key === "ArrowLeft" && row && row.open === true) this.events.toggle(row);
				else this.walkSpans(-1);
				return true;
			}
			case "ArrowRight": case ".": {
				const row = this.selectedRow();
				if (event.key === "ArrowRight" && row && row.open === false) this.events.toggle(row);
				else this.walkSpans(1);
				return true;
			}
			case "PageDown": this.scrollBy(this.view.height * 0.7); return true;
			case "PageUp": this.scrollBy(-this.view.height * 0.7); return true;
			case "Enter": {
				const row = this.selectedRow();
				if (row && row.open !== null) this.events.toggle(row);
				else if (row) this.fitSpan(row);
				return true;
			}
			case "f": case "F": {
				const row = this.selectedRow();
				if (this.range) this.fit(this.range[0], this.range[1]);
				else if (row && this.fitSpan(row)) return true;
				else this.showAll();
				return true;
			}
			case "r": case "R": {
				// The selected span as the range, or what is in sight.
				const row = this.selectedRow();
				const span = row ? this.spanAt(row, this.at) : null;
				this.events.range(span ?? [this.view.from, this.view.to]);
				return true;
			}
			case "P": {
				const row = this.selectedRow();
				if (row && row.kind === "lane") this.events.pin(row);
				return true;
			}
			default: return false;
		}
	}

	private spanAt(row: Row, time: number): [number, number] | null {
		if (time < 0 || !this.store || !row.lane) return null;
		const hit = this.cellOf(row, time, row.lane[0] === "t" ? "tasks" : "states", "states");
		return hit.tile && hit.cell >= 0 ? [hit.tile.source.start[hit.cell]!, hit.tile.source.end[hit.cell]!] : null;
	}

	private fitSpan(row: Row): boolean {
		const span = this.spanAt(row, this.at);
		if (span) this.fit(span[0], span[1]);
		else if (row.data) this.fit(row.data.start_ns, row.data.end_ns);
		return span !== null || row.data !== null;
	}

	scrollBy(pixels: number): void {
		this.view.scroll += pixels;
		this.surface.invalidate();
		clearTimeout(this.scrollTop);
		this.scrollTop = window.setTimeout(() => this.events.seen(), 200);
	}

	private listen(): void {
		const on: Listener["on"] = (type, handle, options) => this.listener.on(type, handle, options);
		const local = (event: MouseEvent) => this.listener.local(event);
		on("wheel", (event) => {
			event.preventDefault();
			const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? this.view.height : 1;
			const { x, y } = local(event);
			const overAxis = y < axisHeight + 90 && x > gutter;
			if ((event.ctrlKey || event.metaKey || overAxis) !== this.wheelZooms) {
				const at = Math.max(gutter, x);
				this.zoomBy(Math.exp((-event.deltaY * unit) / 260), timeAt({ ...this.view, ...this.goal }, at), Math.abs(event.deltaY * unit) > 40);
				return;
			}
			const sideways = event.shiftKey && event.deltaX === 0 ? event.deltaY : event.deltaX;
			if (sideways) {
				const by = ((sideways * unit) / (this.view.width - gutter)) * (this.view.to - this.view.from);
				this.go(this.view.from + by, this.view.to + by, false);
			}
			if (!event.shiftKey && event.deltaY) this.scrollBy(event.deltaY * unit);
		}, { passive: false });
		on("pointerdown", (event) => {
			this.host.focus({ preventScroll: true });
			if (event.button !== 0) return;
			const { x, y } = local(event);
			const kind = event.shiftKey ? "pan" : event.ctrlKey || event.metaKey ? "zoom" : "range";
			this.drag = { kind, x, y, time: timeAt(this.view, Math.max(gutter, x)), from: this.view.from, to: this.view.to, scroll: this.view.scroll, moved: false };
			this.host.setPointerCapture(event.pointerId);
		});
		on("pointermove", (event) => {
			const { x, y } = local(event);
			this.pointerX = x;
			const d = this.drag;
			if (!d) {
				const hit = this.hitAt(x, y);
				const key = hit && hit.part !== "fixed" ? hit.row.key : "";
				if (key !== this.hoverKey) {
					this.hoverKey = key;
					this.surface.invalidate();
				}
				this.events.hover(hit, event.clientX, event.clientY);
				return;
			}
			if (!d.moved && Math.abs(x - d.x) + Math.abs(y - d.y) > 4) {
				d.moved = true;
				this.events.hover(null, 0, 0);
			}
			if (!d.moved) return;
			if (d.kind === "pan" || d.x < gutter) {
				const by = ((x - d.x) / (this.view.width - gutter)) * (d.to - d.from);
				this.view.scroll = d.scroll - (y - d.y);
				if (d.x >= gutter) this.go(d.from - by, d.to - by, false);
				this.surface.invalidate();
				return;
			}
			const now = timeAt(this.view, Math.max(gutter, Math.min(this.view.width, x)));
			this.draft = [Math.max(0, Math.min(d.time, now)), Math.min(this.duration, Math.max(d.time, now))];
			this.surface.invalidate();
		});
		on("pointerup", (event) => {
			const d = this.drag;
			this.drag = null;
			const draft = this.draft;
			this.draft = null;
			if (!d || event.button !== 0) return;
			if (d.moved) {
				if (draft && d.kind === "zoom") this.go(draft[0], draft[1], true);
				else if (draft && d.kind === "range") this.events.range(draft);
				return;
			}
			const { x, y } = local(event);
			const hit = this.hitAt(x, y);
			if (!hit) {
				if (y >= axisHeight) this.events.select(null, -1);
				return;
			}
			if (hit.part === "fixed") {
				if (this.range) this.events.range(null);
				return;
			}
			if (hit.row.kind === "section" || (hit.row.open !== null && hit.part === "label" && x < 30 + hit.row.level * 12)) this.events.toggle(hit.row);
			else {
				this.selected = hit.row.key;
				this.at = hit.part === "label" ? -1 : hit.time;
				this.events.select(hit.row, this.at);
				this.surface.invalidate();
			}
		});
		on("pointercancel", () => {
			this.drag = null;
			this.draft = null;
			this.surface.invalidate();
		});
		on("pointerleave", () => {
			this.pointerX = -1;
			this.hoverKey = "";
			this.events.hover(null, 0, 0);
			this.surface.invalidate();
		});
		on("dblclick", (event) => {
			const { x, y } = local(event);
			const hit = this.hitAt(x, y);
			if (!hit || hit.part === "fixed") return;
			if (hit.row.open !== null) this.events.toggle(hit.row);
			else if (hit.part === "label") this.fitSpan({ ...hit.row, lane: "" });
			else if (hit.tile && hit.cell >= 0 && !((hit.tile.source.info[hit.cell]! >>> 16) & CellFlag.Merged)) this.fit(hit.tile.source.start[hit.cell]!, hit.tile.source.end[hit.cell]!);
			else this.zoomBy(4, hit.time);
		});
	}

	release(): void {
		clearTimeout(this.settle);
		clearTimeout(this.scrollTop);
		this.listener.release();
		this.surface.release();
	}
}
