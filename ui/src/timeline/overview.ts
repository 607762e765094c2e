// The strip on top: the whole trace in one look, with the part that is in sight. It is brushed.

import { dark as darkTheme, light as lightTheme, oklch, type Theme } from "../render/color";
import { drawPicture } from "../render/canvas2d";
import { Picture } from "../render/draw";
import { Listener } from "../render/listen";
import { measureText } from "../render/measure";
import { Surface, type Wish } from "../render/surface";
import { drawCounts, drawGC, drawHeap, gutter, mostOf, timeAt, xOf, type Scene } from "./picture";
import { levelFor, type TileStore } from "./store";
import { Strips } from "./strips";
import { formatLength } from "./time";

const lanes = ["gc", "heap", "count"];

export class Overview {
	private readonly surface: Surface;
	private readonly strips = new Strips(1);
	private readonly curves = new Strips(8, 36);
	private theme: Theme = lightTheme;
	private store: TileStore | null = null;
	private sight: [number, number];
	private range: [number, number] | null = null;
	private width = 0;
	private height = 0;
	/** everything but what is in sight, which alone changes from frame to frame */
	private readonly still = document.createElement("canvas");
	private shown = "";
	private drag: { from: number; move: boolean; offset: number; start: number } | null = null;
	private readonly listener: Listener;

	constructor(readonly host: HTMLElement, wish: Wish, private duration: number, private readonly brushed: (from: number, to: number) => void) {
		this.sight = [0, duration];
		this.listener = new Listener(host);
		this.surface = new Surface(host, wish, (p, w, h) => this.paint(p, w, h));
		this.listen();
	}

	chooseRenderer(wish: Wish): void {
		this.surface.choose(wish);
	}

	setTheme(isDark: boolean): void {
		this.theme = isDark ? darkTheme : lightTheme;
		this.surface.invalidate();
	}

	setStore(store: TileStore): void {
		this.store = store;
		this.duration = store.duration;
		this.shown = "";
		this.surface.invalidate();
	}

	show(sight: [number, number], range: [number, number] | null): void {
		if (sight[0] === this.sight[0] && sight[1] === this.sight[1] && range === this.range) return;
		this.sight = sight;
		this.range = range;
		this.surface.invalidate();
	}

	invalidate(): void {
		this.surface.invalidate();
	}

	private view() {
		return { from: 0, to: this.duration, scroll: 0, width: this.width, height: this.height };
	}

	private paint(p: Picture, width: number, height: number): boolean {
		const ratio = Math.min(3, devicePixelRatio || 1);
		this.width = width;
		this.height = height;
		const t = this.theme;
		const background = t.dark ? oklch(0.222, 0.009, 250) : oklch(0.977, 0.002, 250);
		p.clear(background);
		if (!this.store || width <= gutter + 20) return false;
		const v = this.view();
		const level = levelFor(this.duration / (width - gutter));
		const tiles = lanes.flatMap((lane) => this.store!.pieces(lane, level, 0, this.duration).map((piece) => piece.tile.key));
		const shown = [width, height, ratio, t.dark, ...tiles].join();
		this.store.want(lanes, level, 0, this.duration, true);
		if (shown !== this.shown) {
			this.shown = shown;
			const all = new Picture();
			all.clear(background);
			this.paintStill(all, this.store, level, height);
			drawPicture(this.still, all, width, height, ratio);
		}
		p.strips.push({ image: this.still, sx: 0, sy: 0, sw: this.still.width, sh: this.still.height, x: 0, y: 0, w: width, h: height });
		const a = Math.min(width - 3, xOf(v, this.sight[0])), b = Math.max(a + 3, xOf(v, this.sight[1]));
		const dim = t.dark ? oklch(0.1, 0.01, 250, 0.45) : oklch(0.6, 0.005, 250, 0.22);
		p.marks.add(gutter, 0, a - gutter, height, dim);
		p.marks.add(b, 0, width - b, height, dim);
		for (const x of [a, b - 1]) p.marks.add(x, 0, 1, height, t.mutedText);
		if (this.range) {
			const from = xOf(v, this.range[0]), to = xOf(v, this.range[1]);
			p.marks.add(from, 0, Math.max(2, to - from), 3, t.accent);
		}
		return false;
	}

	private paintStill(p: Picture, store: TileStore, level: number, height: number): void {
		const t = this.theme;
		const v = this.view();
		const scene: Scene = { view: v, store, strips: this.strips, curves: this.curves, theme: t, level, measure: measureText, selected: "", hoverKey: "", range: null, marking: false };
		const heap = mostOf(scene, "heap", 0, this.duration, true);
		if (heap > 0) drawHeap(p, scene, 2, height - 8, heap * 1.05);
		drawCounts(p, scene, "count", 8, height - 14, Math.max(1, mostOf(scene, "count", 0, this.duration, false)) * 1.1);
		drawGC(p, scene, height - 5, 5);
		p.texts.push({ text: "Whole trace", x: 10, y: height / 2 - 7, color: t.text, bold: false });
		p.texts.push({ text: formatLength(this.duration), x: 10, y: height / 2 + 8, color: t.mutedText, bold: false });
	}

	private listen(): void {
		const on: Listener["on"] = (type, handle) => this.listener.on(type, handle);
		const time = (event: PointerEvent) => Math.max(0, Math.min(this.duration, timeAt(this.view(), this.listener.local(event).x)));
		on("pointerdown", (event) => {
			if (event.button !== 0) return;
			const at = time(event);
			const span = this.sight[1] - this.sight[0];
			// What is in sight is carried along; anywhere else a new part is drawn.
			const move = span < this.duration * 0.98 && at >= this.sight[0] && at <= this.sight[1];
			this.drag = { from: at, move, offset: at - this.sight[0], start: event.clientX };
			this.host.setPointerCapture(event.pointerId);
		});
		on("pointermove", (event) => {
			const d = this.drag;
			if (!d || Math.abs(event.clientX - d.start) < 3) return;
			const at = time(event);
			const span = this.sight[1] - this.sight[0];
			if (d.move) this.brushed(at - d.offset, at - d.offset + span);
			else if (at !== d.from) this.brushed(Math.min(d.from, at), Math.max(d.from, at));
		});
		on("pointerup", (event) => {
			const d = this.drag;
			this.drag = null;
			if (!d || Math.abs(event.clientX - d.start) >= 3) return;
			const span = Math.min(this.sight[1] - this.sight[0], this.duration);
			this.brushed(d.from - span / 2, d.from + span / 2);
		});
		on("dblclick", () => this.brushed(0, this.duration));
	}

	release(): void {
		this.listener.release();
		this.surface.release();
	}
}
