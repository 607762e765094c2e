// A treemap one can walk in: boxes as the engine laid them out, pointer and keys on top. Knows nothing of the page around it.

import type { HeapMap, MapBox } from "../api/heap";
import { fitName } from "../lib/names";
import { dark as darkTheme, fade, frameColor, light as lightTheme, type Theme } from "../render/color";
import type { Picture } from "../render/draw";
import { Listener } from "../render/listen";
import { measureText } from "../render/measure";
import { Surface, type Wish } from "../render/surface";
import { heapPackage, heapSpellings, kindOf } from "./ask";

export const headHeight = 18;

export type Measure = (text: string) => number;

export interface MapMarks {
	/** indexes of boxes, -1 for none */
	selected: number;
	hovered: number;
	found: ((name: string) => boolean) | null;
}

export function boxColor(theme: Theme, box: MapBox): number {
	if (box.name === undefined) return frameColor(theme, "rest", "", "");
	if (box.depth === 0) return theme.dark ? fade(theme, frameColor(theme, "runtime", "", ""), 0.5) : fade(theme, frameColor(theme, "runtime", "", ""), 0.35);
	const pkg = heapPackage(box.name);
	const kind = kindOf(box.name);
	const tone = pkg === "runtime" || box.name.startsWith("unknown") || box.name === "held by several" ? "runtime" : kind === "" && pkg === "" ? "library" : pkg.includes(".") || pkg === "main" ? "code" : "library";
	const color = frameColor(theme, tone, pkg || box.name, box.name);
	return box.open ? fade(theme, color, 0.5) : color;
}

/** Fills `picture` with the boxes of a map, stretched to width x height. Pure: tests read the lists. */
export function paintMap(picture: Picture, map: HeapMap, marks: MapMarks, width: number, height: number, theme: Theme, measure: Measure, bytes: (n: number) => string): void {
	const sx = width / map.width;
	const sy = height / map.height;
	for (const b of map.boxes) {
		const x = b.x * sx;
		const y = b.y * sy;
		const w = Math.max(0.5, b.w * sx - 1);
		const h = Math.max(0.5, b.h * sy - 1);
		let color = boxColor(theme, b);
		const found = marks.found !== null && b.name !== undefined && marks.found(b.name);
		if (marks.found && !found) color = fade(theme, color, 0.35);
		picture.rects.add(x, y, w, h, color);
		if (found) picture.rects.add(x, y, w, 2, theme.accent);
		if (b.name === undefined || (b.open && !b.head)) continue;
		const room = w - 8;
		if (room < 16 || h < 13) continue;
		const text = marks.found && !found ? theme.mutedText : theme.text;
		const size = bytes(b.bytes);
		const wide = b.open ? measure(size) + 14 : 0;
		const label = fitName(heapSpellings(b.name), room - (wide < room * 0.5 ? wide : 0), measure);
		if (label) picture.texts.push({ text: label, x: x + 4, y: y + Math.min(9.5, h / 2), color: text, bold: b.depth === 1 });
		if (b.open) {
			if (label && wide < room * 0.5) picture.texts.push({ text: size, x: x + w - 4 - measure(size), y: y + 9.5, color: theme.mutedText, bold: false });
		} else if (label && h >= 32 && measure(size) <= room) picture.texts.push({ text: size, x: x + 4, y: y + 24, color: theme.mutedText, bold: false });
	}
	for (const [at, strength] of [[marks.hovered, 1], [marks.selected, 2]] as const) {
		const b = map.boxes[at];
		if (!b) continue;
		const x = b.x * sx, y = b.y * sy, w = b.w * sx - 1, h = b.h * sy - 1;
		const color = strength === 2 ? theme.accent : theme.text;
		const t = strength === 2 ? 2.5 : 1;
		for (const [rx, ry, rw, rh] of [[x, y, w, t], [x, y + h - t, w, t], [x, y, t, h], [x + w - t, y, t, h]] as const) picture.marks.add(rx, ry, rw, rh, color);
	}
}

/** The innermost box at a place of the map. */
export function boxAt(map: HeapMap, x: number, y: number): number {
	for (let i = map.boxes.length - 1; i >= 0; i--) {
		const b = map.boxes[i]!;
		if (x >= b.x && x < b.x + b.w && y >= b.y && y < b.y + b.h) return i;
	}
	return -1;
}

type Direction = "left" | "right" | "up" | "down" | "in" | "out";

/** Where a key leads from a box: beside it in the same box, into its largest, out of it. -1: nowhere. */
export function neighbour(map: HeapMap, from: number, to: Direction): number {
	const b = map.boxes[from];
	if (!b) return map.boxes.length ? 0 : -1;
	if (to === "out") return b.parent === from ? -1 : b.parent;
	let best = -1;
	let least = Infinity;
	map.boxes.forEach((o, i) => {
		if (i === from || i === 0) return;
		if (to === "in") {
			if (o.parent === from && o.name !== undefined && -o.bytes < least) {
				least = -o.bytes;
				best = i;
			}
			return;
		}
		if (o.parent !== b.parent) return;
		const dx = o.x + o.w / 2 - (b.x + b.w / 2);
		const dy = o.y + o.h / 2 - (b.y + b.h / 2);
		const along = to === "left" ? -dx : to === "right" ? dx : to === "up" ? -dy : dy;
		const across = Math.abs(to === "left" || to === "right" ? dy : dx);
		const beside = to === "left" ? o.x + o.w <= b.x + 1 : to === "right" ? o.x >= b.x + b.w - 1 : to === "up" ? o.y + o.h <= b.y + 1 : o.y >= b.y + b.h - 1;
		if (!beside) return;
		const far = along + 2 * across;
		if (far < least) {
			least = far;
			best = i;
		}
	});
	return best;
}

export interface MapEvents {
	select(box: MapBox, index: number): void;
	zoom(box: MapBox): void;
	hover(box: MapBox | null, x: number, y: number): void;
	resized(width: number, height: number): void;
}

export class TreemapChart {
	private readonly surface: Surface;
	private map: HeapMap | null = null;
	private theme: Theme = lightTheme;
	private readonly marks: MapMarks = { selected: -1, hovered: -1, found: null };
	private selectedId: number | undefined;
	private width = 0;
	private height = 0;
	private readonly listener: Listener;

	constructor(readonly host: HTMLElement, wish: Wish, private readonly events: MapEvents, private readonly bytes: (n: number) => string) {
		this.surface = new Surface(host, wish, (p, w, h) => this.paint(p, w, h));
		this.listener = new Listener(host);
		const on: Listener["on"] = (kind, run) => this.listener.on(kind, run);
		on("pointermove", (e) => this.point(e));
		on("pointerleave", () => this.hover(-1, 0, 0));
		on("click", (e) => {
			const i = this.at(e);
			host.focus();
			if (i >= 0) this.pick(i);
		});
		on("dblclick", (e) => {
			const b = this.map?.boxes[this.at(e)];
			if (b) this.events.zoom(b);
		});
	}

	private paint(picture: Picture, width: number, height: number): boolean {
		if (width !== this.width || height !== this.height) {
			this.width = width;
			this.height = height;
			this.events.resized(width, height);
		}
		picture.clear(this.theme.background);
		if (this.map) paintMap(picture, this.map, this.marks, width, height, this.theme, measureText, this.bytes);
		return false;
	}

	private at(e: MouseEvent): number {
		if (!this.map) return -1;
		const box = this.host.getBoundingClientRect();
		return boxAt(this.map, ((e.clientX - box.left) * this.map.width) / box.width, ((e.clientY - box.top) * this.map.height) / box.height);
	}

	private point(e: PointerEvent): void {
		this.hover(this.at(e), e.clientX, e.clientY);
	}

	private hover(i: number, x: number, y: number): void {
		if (i !== this.marks.hovered) {
			this.marks.hovered = i;
			this.surface.invalidate();
		}
		this.events.hover(this.map?.boxes[i] ?? null, x, y);
	}

	private pick(i: number): void {
		const b = this.map?.boxes[i];
		if (!b) return;
		this.marks.selected = i;
		this.selectedId = b.id;
		this.surface.invalidate();
		this.events.select(b, i);
	}

	setMap(map: HeapMap | null): void {
		this.map = map;
		this.marks.hovered = -1;
		this.placeSelection();
		this.surface.invalidate();
	}

	setSelection(id: number | undefined): void {
		if (id === this.selectedId && this.marks.selected >= 0) return;
		this.selectedId = id;
		this.placeSelection();
		this.surface.invalidate();
	}

	private placeSelection(): void {
		this.marks.selected = this.selectedId === undefined || !this.map ? -1 : this.map.boxes.findIndex((b) => b.id === this.selectedId);
	}

	setFound(test: ((name: string) => boolean) | null): void {
		this.marks.found = test;
		this.surface.invalidate();
	}

	setTheme(isDark: boolean): void {
		this.theme = isDark ? darkTheme : lightTheme;
		this.surface.invalidate();
	}

	chooseRenderer(wish: Wish): void {
		this.surface.choose(wish);
	}

	key(event: KeyboardEvent): boolean {
		if (event.ctrlKey || event.metaKey || event.altKey || !this.map) return false;
		const ways: Record<string, Direction> = {
			ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down", a: "left", d: "right", w: "in", s: "out", PageDown: "in", PageUp: "out",
		};
		const way = ways[event.key];
		const at = this.marks.selected;
		if (way) {
			let to = neighbour(this.map, at, way);
			// At the edge of a box the step leads on from the box around it.
			for (let up = at; to < 0 && way !== "in" && way !== "out" && up > 0; ) {
				up = this.map.boxes[up]!.parent;
				to = neighbour(this.map, up, way);
			}
			if (to >= 0) this.pick(to);
			return true;
		}
		if (event.key === "Enter" && at >= 0) {
			this.events.zoom(this.map.boxes[at]!);
			return true;
		}
		return false;
	}

	release(): void {
		this.listener.release();
		this.surface.release();
	}
}
