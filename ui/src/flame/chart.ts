// A flame graph one can move in: pointer, wheel and keys on top of the picture. Knows nothing of the page around it.

import { Surface, type Wish } from "../render/surface";
import { dark as darkTheme, light as lightTheme, oklch, type Theme } from "../render/color";
import type { Picture } from "../render/draw";
import { Listener } from "../render/listen";
import { measureText } from "../render/measure";
import { Motion, moveMs } from "../render/motion";
import {
	depthAt, layerPlace, paintFlame, rowHeight, rowsOf, rowTop, type Layer, type Marks, type Shape,
} from "./picture";
import type { FlameTree } from "./tree";

export interface Hit { tree: FlameTree; index: number; x: number; y: number }

export interface ChartEvents {
	/** `walking`: by keys, one of many steps */
	select(hit: Hit | null, walking: boolean): void;
	focus(hit: Hit): void;
	menu(hit: Hit, x: number, y: number): void;
	hover(hit: Hit | null): void;
	/** the visible part changed, as fractions of the whole width */
	moved(from: number, to: number): void;
	/** details are wanted for the subtree of `id`, down to `least` of its total */
	refine(id: number, least: number): void;
	/** the next match is wanted, and none is drawn */
	unfound(): void;
}

const zoomKey = 1.35;
const panKey = 0.12;

export class FlameChart {
	private readonly surface: Surface;
	private tree: FlameTree | null = null;
	private layer: Layer | null = null;
	private theme: Theme = lightTheme;
	private readonly shape: Shape = { from: 0, to: 1, scroll: 0, up: false };
	private readonly marks: Marks = {
		foundIn: (tree) => this.foundIn(tree), sameIn: (tree) => this.sameIn(tree), selected: -1, hovered: -1, diff: false,
	};
	/** index of the selected frame in the visible tree */
	private selected = -1;
	private sameCache = new WeakMap<FlameTree, number>();
	private selectedId = -1;
	private selectedName = "";
	private readonly motion = new Motion(this.shape, () => this.arrived());
	private said = { from: -1, to: -1 };
	private width = 0;
	private height = 0;
	private drag: { x: number; y: number; moved: boolean; from: number; to: number; scroll: number } | null = null;
	private refineTimer = 0;
	private settleTimer = 0;
	private focusTimer = 0;
	private readonly listener: Listener;
	wheelZooms = false;

	constructor(readonly host: HTMLElement, wish: Wish, private readonly events: ChartEvents) {
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

	/** `zoom` is the visible part in fractions. The scroll stays when the new tree is the same picture, sharper or differently ordered. */
	setTree(tree: FlameTree | null, options: { up: boolean; diff: boolean; zoom: [number, number]; keepScroll: boolean }): void {
		this.tree = tree;
		this.layer = null;
		this.motion.stop();
		clearTimeout(this.settleTimer);
		this.settleTimer = 0;
		this.shape.up = options.up;
		this.marks.diff = options.diff;
		this.marks.hovered = -1;
		const full = tree?.fullWidth ?? 1;
		this.shape.from = options.zoom[0] * full;
		this.shape.to = options.zoom[1] * full;
		if (!options.keepScroll) this.shape.scroll = 0;
		this.placeSelection();
		this.clamp();
		this.surface.invalidate();
		this.wantDetails();
	}

	/** A finer answer for one node that arrived while the viewport is inside it. */
	setLayer(fine: FlameTree, id: number): void {
		const tree = this.tree;
		if (!tree) return;
		const at = tree.indexOfId(id);
		const top = fine.indexOfId(id);
		if (top < 0) return;
		if (at >= 0)
			this.layer = { tree: fine, top, start: tree.start[at]!, depth: tree.depth[at]!, width: tree.width[at]! };
		else if (this.layer) {
			const inner = this.layer.tree.indexOfId(id);
			if (inner < 0) return;
			const topDepth = this.layer.tree.depth[this.layer.top]!;
			this.layer = {
				tree: fine, top, start: layerPlace(this.layer, this.layer.tree.start[inner]!),
				depth: this.layer.depth + this.layer.tree.depth[inner]! - topDepth,
				width: (this.layer.tree.width[inner]! * this.layer.width) / (this.layer.tree.width[this.layer.top]! || 1),
			};
		} else return;
		this.placeSelection();
		this.surface.invalidate();
	}

	/** The visible part in fractions; does nothing when it is there already. */
	setZoom(zoom: [number, number]): void {
		const full = this.tree?.fullWidth ?? 0;
		if (full <= 0 || this.settleTimer) return;
		const g = this.goal;
		const is = (place: { from: number; to: number }) => Math.abs(place.from - zoom[0] * full) + Math.abs(place.to - zoom[1] * full) < 2e-6 * full;
		// Its own words, come back when it has long been on its way again.
		if (is(g) || (this.motion.moving && is(this.said))) return;
		this.go(zoom[0] * full, zoom[1] * full, true);
	}

	setUp(up: boolean): void {
		if (this.shape.up === up) return;
		this.shape.up = up;
		this.shape.scroll = 0;
		this.surface.invalidate();
	}

	setFound(test: ((name: string) => boolean) | null): void {
		this.foundTest = test;
		this.foundCache = new WeakMap();
		this.surface.invalidate();
	}

	private foundTest: ((name: string) => boolean) | null = null;
	private foundCache = new WeakMap<FlameTree, Uint8Array>();

	private foundIn(tree: FlameTree): Uint8Array | null {
		const test = this.foundTest;
		if (!test) return null;
		let found = this.foundCache.get(tree);
		if (!found) {
			found = Uint8Array.from(tree.frames.info.names, (n) => (test(n.name) ? 1 : 0));
			this.foundCache.set(tree, found);
		}
		return found;
	}

	setSelection(id: number, name: string): void {
		if (id === this.selectedId && name === this.selectedName) return;
		this.selectedId = id;
		if (name !== this.selectedName) this.sameCache = new WeakMap();
		this.selectedName = name;
		this.placeSelection();
		this.surface.invalidate();
	}

	/** The chart knows of its own selection at once: the next key may come before the page has answered. */
	private pick(hit: Hit | null, walking: boolean): void {
		if (hit) this.setSelection(hit.tree.frames.id[hit.index]!, hit.tree.nameOf(hit.index).name);
		else this.setSelection(-1, "");
		this.events.select(hit, walking);
	}

	private placeSelection(): void {
		const t = this.visibleTree();
		this.marks.selected = this.selectedId;
		this.selected = t && this.selectedId >= 0 ? t.indexOfId(this.selectedId) : -1;
	}

	private sameIn(tree: FlameTree): number {
		if (!this.selectedName) return -1;
		let at = this.sameCache.get(tree);
		if (at === undefined) {
			at = tree.frames.info.names.findIndex((n) => n.name === this.selectedName);
			this.sameCache.set(tree, at);
		}
		return at;
	}

	/** The tree that the selection and the deepest frames come from. */
	private visibleTree(): FlameTree | null {
		return this.layer && this.layerCovers() ? this.layer.tree : this.tree;
	}

	private layerCovers(): boolean {
		const l = this.layer;
		return l !== null && l.start <= this.shape.from + 1e-9 * this.span && l.start + l.width >= this.shape.to - 1e-9 * this.span;
	}

	private get span(): number {
		return this.shape.to - this.shape.from;
	}

	private paint(picture: Picture, width: number, height: number, now: number): boolean {
		this.width = width;
		this.height = height;
		const moving = this.motion.step(now);
		picture.clear(this.theme.background);
		const tree = this.tree;
		if (!tree) return false;
		this.clampScroll();
		const layer = this.layerCovers() ? this.layer : null;
		paintFlame(picture, tree, layer, this.shape, this.marks, width, height, this.theme, measureText);
		this.overviewBar(picture, tree, width);
		return moving;
	}

	/** Where the visible part lies in the whole, once zoomed in. */
	private overviewBar(picture: Picture, tree: FlameTree, width: number): void {
		const full = tree.fullWidth;
		if (this.span >= full * 0.999) return;
		const x = (this.shape.from / full) * width;
		const w = Math.max(6, (this.span / full) * width);
		const y = this.shape.up ? 0 : this.height - 4;
		picture.rects.add(0, y, width, 4, this.theme.dark ? oklch(0.28, 0.01, 250) : oklch(0.93, 0.004, 250));
		picture.rects.add(Math.min(x, width - w), y, w, 4, this.theme.accent);
	}

	/** The page hears of a movement once it has come to rest: a wheel makes a hundred steps a second. */
	private arrived(): void {
		this.placeSelection();
		clearTimeout(this.settleTimer);
		this.settleTimer = window.setTimeout(() => {
			this.settleTimer = 0;
			const full = this.tree?.fullWidth ?? 1;
			this.said = { from: this.shape.from, to: this.shape.to };
			this.events.moved(this.shape.from / full, this.shape.to / full);
		}, 150);
		this.wantDetails();
	}

	private go(from: number, to: number, animate: boolean): void {
		const full = this.tree?.fullWidth ?? 1;
		let span = Math.min(full, Math.max(to - from, full * 1e-9));
		from = Math.max(0, Math.min(from, full - span));
		if (from + span > full) span = full - from;
		this.motion.go(from, from + span, animate);
		this.surface.invalidate();
	}

	private get goal(): { from: number; to: number } {
		return this.motion.goal;
	}

	private clamp(): void {
		const full = this.tree?.fullWidth ?? 1;
		const span = Math.min(full, Math.max(this.span, full * 1e-9));
		this.shape.from = Math.max(0, Math.min(this.shape.from, full - span));
		this.shape.to = this.shape.from + span;
	}

	private clampScroll(): void {
		const rows = this.tree ? rowsOf(this.tree, this.layerCovers() ? this.layer : null).count : 0;
		const most = Math.max(0, rows * rowHeight + 8 - this.height);
		this.shape.scroll = Math.max(0, Math.min(this.shape.scroll, most));
	}

	/** Asks for a finer answer when frames that were left out would now be wide enough to see. */
	private wantDetails(): void {
		clearTimeout(this.refineTimer);
		this.refineTimer = window.setTimeout(() => {
			const tree = this.tree;
			if (!tree || tree.fullWidth <= 0 || this.width === 0) return;
			const zoom = tree.fullWidth / this.span;
			if (zoom < 1.6) return;
			const covering = tree.covering(this.shape.from, this.shape.to);
			if (covering < 0) return;
			// Steps of four keep the number of distinct questions small; a view across two big frames asks for the root, within reason.
			const stepped = 4 ** Math.ceil(Math.log(zoom) / Math.log(4));
			const share = tree.width[covering]! / tree.fullWidth;
			const least = 0.5 / Math.max(200, this.width) / Math.min(stepped, 4096 / Math.max(share, 1e-6)) / Math.max(share, 1e-9);
			this.events.refine(tree.frames.id[covering]!, Math.min(0.5, least));
		}, 120);
	}

	zoomBy(factor: number, at = 0.5): void {
		const g = this.goal;
		const span = (g.to - g.from) / factor;
		const pivot = g.from + (g.to - g.from) * at;
		this.go(pivot - span * at, pivot + span * (1 - at), true);
	}

	pan(fraction: number): void {
		const g = this.goal;
		const by = (g.to - g.from) * fraction;
		this.go(g.from + by, g.to + by, true);
	}

	scrollBy(pixels: number): void {
		this.shape.scroll += this.shape.up ? -pixels : pixels;
		this.clampScroll();
		this.surface.invalidate();
	}

	showAll(): void {
		this.go(0, this.tree?.fullWidth ?? 1, true);
	}

	get zoomed(): boolean {
		return this.tree !== null && this.goal.to - this.goal.from < this.tree.fullWidth * 0.999;
	}

	private place(tree: FlameTree, i: number): { from: number; to: number; depth: number } {
		const l = this.layer;
		if (l && tree === l.tree) {
			const from = layerPlace(l, tree.start[i]!);
			return { from, to: layerPlace(l, tree.start[i]! + tree.width[i]!), depth: l.depth + tree.depth[i]! - tree.depth[l.top]! };
		}
		return { from: tree.start[i]!, to: tree.start[i]! + tree.width[i]!, depth: tree.depth[i]! };
	}

	/** Moves so that a frame fills the width. */
	fit(tree: FlameTree, i: number): void {
		const p = this.place(tree, i);
		this.go(p.from, p.to, true);
	}

	/** Moves to a frame, then hands over to the graph that has it as its root: the new picture starts where the old one ended. */
	private focus(hit: Hit): void {
		this.fit(hit.tree, hit.index);
		clearTimeout(this.focusTimer);
		this.focusTimer = window.setTimeout(() => this.events.focus(hit), this.motion.moving ? moveMs : 0);
	}

	/** Scrolls and pans just enough to see a frame. */
	reveal(tree: FlameTree, i: number): void {
		const p = this.place(tree, i);
		const top = rowTop(p.depth, this.shape, this.height);
		if (top < 0) this.scrollBy(top - rowHeight);
		else if (top + rowHeight > this.height) this.scrollBy(top + 2 * rowHeight - this.height);
		const g = this.goal;
		if (p.to <= g.from || p.from >= g.to) {
			const span = Math.max(g.to - g.from, p.to - p.from);
			const middle = (p.from + p.to) / 2;
			this.go(middle - span / 2, middle + span / 2, true);
		}
	}

	selectedHit(): Hit | null {
		const t = this.visibleTree();
		if (!t) return null;
		const i = this.selected >= 0 ? this.selected : t.focus;
		const p = this.place(t, i);
		const x = ((Math.max(p.from, this.shape.from) - this.shape.from) / this.span) * this.width;
		return { tree: t, index: i, x, y: rowTop(p.depth, this.shape, this.height) + rowHeight };
	}

	hitAt(x: number, y: number): Hit | null {
		const tree = this.tree;
		if (!tree) return null;
		const depth = depthAt(y, this.shape, this.height);
		const place = this.shape.from + (x / this.width) * this.span;
		const layer = this.layerCovers() ? this.layer : null;
		let t = tree;
		let index: number;
		if (layer && depth >= layer.depth) {
			t = layer.tree;
			const own = t.start[layer.top]! + ((place - layer.start) * t.width[layer.top]!) / (layer.width || 1);
			index = t.at(depth - layer.depth + t.depth[layer.top]!, own);
		} else index = tree.at(depth, place);
		return index < 0 ? null : { tree: t, index, x, y };
	}

	/** Every frame found by the search, biggest share first per function, in reading order. */
	private foundHits(): { tree: FlameTree; index: number }[] {
		const t = this.visibleTree();
		const found = t ? this.foundIn(t) : null;
		if (!t || !found) return [];
		const out: { tree: FlameTree; index: number }[] = [];
		for (const row of t.rows) for (const i of row) if (found[t.frames.name[i]!] && t.width[i]! > 0) out.push({ tree: t, index: i });
		return out;
	}

	/** Selects the next frame that the search found. */
	nextFound(step: 1 | -1): void {
		const all = this.foundHits();
		if (all.length === 0) {
			if (this.foundTest) this.events.unfound();
			return;
		}
		const current = all.findIndex((h) => h.index === this.selected);
		const next = all[(current + step + all.length) % all.length] ?? all[0]!;
		this.pick({ ...next, x: 0, y: 0 }, true);
		this.reveal(next.tree, next.index);
	}

	/** Returns true when the key meant something here. */
	key(event: KeyboardEvent): boolean {
		if (event.ctrlKey || event.metaKey || event.altKey) return false;
		const walk = (way: "parent" | "child" | "next" | "previous") => {
			const hit = this.selectedHit();
			if (!hit) return;
			const next = this.selected < 0 ? hit.index : hit.tree.neighbour(hit.index, way);
			if (next < 0) return;
			this.pick({ ...hit, index: next }, true);
			this.reveal(hit.tree, next);
		};
		switch (event.key) {
			case "w": case "W": case "+": case "=": this.zoomBy(zoomKey, this.pointerPlace()); return true;
			case "s": case "S": case "-": this.zoomBy(1 / zoomKey, this.pointerPlace()); return true;
			case "a": case "A": this.pan(-panKey); return true;
			case "d": case "D": this.pan(panKey); return true;
			case "0": case "Home": this.showAll(); return true;
			case "ArrowUp": walk(this.shape.up ? "child" : "parent"); return true;
			case "ArrowDown": walk(this.shape.up ? "parent" : "child"); return true;
			case "ArrowLeft": walk("previous"); return true;
			case "ArrowRight": walk("next"); return true;
			case "PageDown": this.scrollBy(this.height * 0.8); return true;
			case "PageUp": this.scrollBy(-this.height * 0.8); return true;
			case "f": case "F": {
				const hit = this.selectedHit();
				if (hit && this.selected >= 0 && !this.fills(hit)) this.fit(hit.tree, hit.index);
				else this.showAll();
				return true;
			}
			case "Enter": {
				const hit = this.selectedHit();
				if (hit && this.selected >= 0) this.focus(hit);
				return true;
			}
			case "n": this.nextFound(1); return true;
			case "N": this.nextFound(-1); return true;
			case "m": case "ContextMenu": {
				const hit = this.selectedHit();
				if (hit) {
					const box = this.host.getBoundingClientRect();
					this.events.menu(hit, box.left + Math.max(8, hit.x), box.top + hit.y);
				}
				return true;
			}
			default: return false;
		}
	}

	private fills(hit: Hit): boolean {
		const p = this.place(hit.tree, hit.index);
		const g = this.goal;
		return Math.abs(p.from - g.from) + Math.abs(p.to - g.to) < 1e-6 * (g.to - g.from);
	}

	private pointer = -1;

	private pointerPlace(): number {
		return this.pointer >= 0 && this.width > 0 ? this.pointer / this.width : 0.5;
	}

	private listen(): void {
		const on: Listener["on"] = (type, handle, options) => this.listener.on(type, handle, options);
		const local = (event: MouseEvent) => this.listener.local(event);
		on("wheel", (event) => {
			event.preventDefault();
			const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? this.height : 1;
			const { x } = local(event);
			if ((event.ctrlKey || event.metaKey) !== this.wheelZooms) {
				const factor = Math.exp((-event.deltaY * unit) / 260);
				const g = this.goal;
				const at = x / this.width;
				const pivot = g.from + (g.to - g.from) * at;
				const span = (g.to - g.from) / factor;
				this.go(pivot - span * at, pivot + span * (1 - at), Math.abs(event.deltaY * unit) > 40);
				return;
			}
			const sideways = event.shiftKey && event.deltaX === 0 ? event.deltaY : event.deltaX;
			const down = event.shiftKey && event.deltaX === 0 ? 0 : event.deltaY;
			if (sideways) {
				const by = ((sideways * unit) / this.width) * this.span;
				this.go(this.shape.from + by, this.shape.to + by, false);
			}
			if (down) this.scrollBy(down * unit);
		}, { passive: false });
		on("pointerdown", (event) => {
			this.host.focus({ preventScroll: true });
			if (event.button !== 0) return;
			const { x, y } = local(event);
			this.drag = { x, y, moved: false, from: this.shape.from, to: this.shape.to, scroll: this.shape.scroll };
			this.host.setPointerCapture(event.pointerId);
		});
		on("pointermove", (event) => {
			const { x, y } = local(event);
			this.pointer = x;
			const d = this.drag;
			if (d) {
				if (!d.moved && Math.abs(x - d.x) + Math.abs(y - d.y) > 4) {
					d.moved = true;
					this.host.classList.add("dragging");
					this.events.hover(null);
				}
				if (d.moved) {
					const by = ((x - d.x) / this.width) * (d.to - d.from);
					this.shape.scroll = d.scroll + (this.shape.up ? y - d.y : d.y - y);
					this.clampScroll();
					this.go(d.from - by, d.to - by, false);
				}
				return;
			}
			const hit = this.hitAt(x, y);
			const id = hit ? hit.tree.frames.id[hit.index]! : -1;
			if (id !== this.marks.hovered) {
				this.marks.hovered = id;
				this.surface.invalidate();
			}
			this.events.hover(hit);
		});
		on("pointerup", (event) => {
			const d = this.drag;
			this.drag = null;
			this.host.classList.remove("dragging");
			if (!d || d.moved || event.button !== 0) return;
			const { x, y } = local(event);
			this.pick(this.hitAt(x, y), false);
		});
		on("pointercancel", () => {
			this.drag = null;
			this.host.classList.remove("dragging");
		});
		on("pointerleave", () => {
			this.pointer = -1;
			if (this.marks.hovered >= 0) {
				this.marks.hovered = -1;
				this.surface.invalidate();
			}
			this.events.hover(null);
		});
		on("dblclick", (event) => {
			const { x, y } = local(event);
			const hit = this.hitAt(x, y);
			if (hit) this.focus(hit);
		});
		on("contextmenu", (event) => {
			event.preventDefault();
			const { x, y } = local(event);
			const hit = this.hitAt(x, y);
			if (!hit) return;
			this.pick(hit, false);
			this.events.menu(hit, event.clientX, event.clientY);
		});
	}

	release(): void {
		clearTimeout(this.refineTimer);
		clearTimeout(this.settleTimer);
		clearTimeout(this.focusTimer);
		this.listener.release();
		this.surface.release();
	}
}
