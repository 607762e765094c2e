// The fine parts of tiles as images: one column for each cell, the shares of its states stacked. They are made once and then
// stretched into place, which costs the same whatever they hold.

import { CellFlag, shareBytes, type TrackHead } from "../api/tiles";
import type { Strip } from "../render/draw";
import type { Theme } from "../render/color";
import { stacking, stateColor } from "./states";
import { tileCells, type LaneTile } from "./store";

export const stripHeight = 14;
/** spans of fewer cells are part of the image */
export const fineCells = 4;

export class Strips {
	private readonly canvas = document.createElement("canvas");
	private readonly context: CanvasRenderingContext2D;
	private readonly slotOf = new Map<string, number>();
	private readonly free: number[] = [];
	private readonly image: ImageData;
	private readonly pixels: Uint32Array;
	private dark: boolean | null = null;
	private until = Infinity;
	/** some images were left for the next frame */
	skipped = false;

	constructor(private readonly slots = 288, private readonly height = stripHeight) {
		this.canvas.width = tileCells;
		this.canvas.height = this.slots * this.height;
		const context = this.canvas.getContext("2d");
		if (!context) throw new Error("the browser gives no 2D canvas");
		this.context = context;
		this.image = context.createImageData(tileCells, height);
		this.pixels = new Uint32Array(this.image.data.buffer);
		this.clear();
	}

	private clear(): void {
		this.slotOf.clear();
		this.free.length = 0;
		for (let i = this.slots - 1; i >= 0; i--) this.free.push(i);
	}

	/** A frame begins: images are made until `budgetMs` are used up, so that a frame stays one. */
	begin(budgetMs: number): void {
		this.until = performance.now() + budgetMs;
		this.skipped = false;
	}

	private slot(key: string): { at: number; fresh: boolean } | null {
		const have = this.slotOf.get(key);
		if (have !== undefined) {
			this.slotOf.delete(key);
			this.slotOf.set(key, have);
			return { at: have, fresh: false };
		}
		if (performance.now() > this.until) {
			this.skipped = true;
			return null;
		}
		let at = this.free.pop();
		if (at === undefined) {
			const [oldest, where] = this.slotOf.entries().next().value!;
			this.slotOf.delete(oldest);
			at = where;
		}
		this.slotOf.set(key, at);
		return { at, fresh: true };
	}

	/** The image of [from, to) of a tile's states; null when there is nothing fine in it. */
	strip(tile: LaneTile, track: TrackHead, theme: Theme, from: number, to: number, x: number, y: number, w: number, h: number): Strip | null {
		if (theme.dark !== this.dark) {
			this.dark = theme.dark;
			this.clear();
		}
		const slot = this.slot(tile.key);
		if (!slot) return null;
		const { at, fresh } = slot;
		if (fresh) {
			this.fill(tile, track, theme);
			this.context.putImageData(this.image, 0, at * this.height);
		}
		const sx = (from - tile.from) / tile.cell;
		return { image: this.canvas, sx, sy: at * this.height, sw: Math.max(1e-3, (to - from) / tile.cell), sh: this.height, x, y, w, h };
	}

	private fill(tile: LaneTile, track: TrackHead, theme: Theme): void {
		const { start, end, info, shares } = tile.source;
		const p = this.pixels;
		const rows = this.height;
		p.fill(0);
		for (let i = track.first; i < track.first + track.n; i++) {
			const merged = ((info[i]! >>> 16) & CellFlag.Merged) !== 0;
			if (!merged && end[i]! - start[i]! >= fineCells * tile.cell) continue;
			const a = Math.max(0, Math.floor((start[i]! - tile.from) / tile.cell));
			const b = Math.min(tileCells, Math.max(a + 1, Math.ceil((end[i]! - tile.from) / tile.cell)));
			if (!merged) {
				this.column(a, b, 0, rows, stateColor(theme, info[i]! & 255));
				continue;
			}
			let sum = 0;
			let top = rows;
			for (const s of stacking) {
				const share = shares[i * shareBytes + s]!;
				if (!share) continue;
				sum += share;
				const edge = rows - Math.min(rows, Math.max(Math.round((sum * rows) / 255), rows - top + (s <= 2 ? 1 : 0)));
				this.column(a, b, edge, top, stateColor(theme, s));
				top = Math.min(top, edge);
			}
		}
	}

	private column(a: number, b: number, from: number, to: number, color: number): void {
		const p = this.pixels;
		for (let y = from; y < to; y++) for (let x = y * tileCells + a, end = y * tileCells + b; x < end; x++) p[x] = color;
	}

	/** The image of a curve of counts, `most` at the top. */
	counts(tile: LaneTile, theme: Theme, most: number, from: number, to: number, x: number, y: number, w: number, h: number): Strip | null {
		if (theme.dark !== this.dark) {
			this.dark = theme.dark;
			this.clear();
		}
		const slot = this.slot(`${tile.key}*${most}`);
		if (!slot) return null;
		const { at, fresh } = slot;
		if (fresh) {
			const { values, n } = tile.curve!;
			const rows = this.height - 1;
			const colors = [stateColor(theme, 1), stateColor(theme, 3), stateColor(theme, 2)];
			const line = theme.mutedText;
			this.pixels.fill(0);
			for (let i = 0; i < Math.min(n, tileCells); i++) {
				let sum = 0;
				let top = rows;
				for (let k = 0; k < 3; k++) {
					const v = values[i * 4 + k]!;
					if (v <= 0) continue;
					sum += v;
					const edge = Math.max(0, rows - Math.ceil((sum / most) * rows - 0.25));
					this.column(i, i + 1, edge, top, colors[k]!);
					top = Math.min(top, edge);
				}
				if (sum + values[i * 4 + 3]! > 0.001) this.pixels[rows * tileCells + i] = line;
			}
			this.context.putImageData(this.image, 0, at * this.height);
		}
		return { image: this.canvas, sx: (from - tile.from) / tile.cell, sy: at * this.height, sw: Math.max(1e-3, (to - from) / tile.cell), sh: this.height, x, y, w, h };
	}
}
