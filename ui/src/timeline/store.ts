// Tiles as a map has them: fixed pieces of time at steps of two, fetched when seen, kept while there is room. What is not there
// yet is drawn from a coarser or finer tile at the same place.

import { getBytes } from "../api/client";
import { decodeTiles, type Tiles, type TrackHead } from "../api/tiles";

export const tileCells = 1024;
const keepTiles = 5000;
const lanesPerRequest = 48;
const requestsAtOnce = 4;

export interface Curve { series: string[]; values: Float32Array; n: number }

export interface LaneTile {
	key: string;
	level: number;
	index: number;
	from: number;
	to: number;
	cell: number;
	source: Tiles;
	tracks: TrackHead[];
	curve: Curve | null;
}

export interface Piece { tile: LaneTile; from: number; to: number }

export const cellOf = (level: number) => 2 ** level;
export const tileLength = (level: number) => cellOf(level) * tileCells;

/** The level whose cells are between half a pixel and one. */
export function levelFor(nsPerPixel: number): number {
	return Math.max(0, Math.floor(Math.log2(Math.max(1, nsPerPixel))));
}

/** tells the tiles of one store from those of the next, for who keeps images of them */
let made = 0;

export class TileStore {
	private readonly tiles = new Map<string, LaneTile>();
	private readonly pending = new Set<string>();
	private readonly failed = new Map<string, number>();
	private wanted = new Map<string, { lanes: string[]; level: number; index: number }>();
	private running = 0;
	private scheduled = 0;
	private mark = "";
	private readonly abort = new AbortController();
	private readonly serial = ++made;
	readonly topLevel: number;
	/** goroutines that tiles speak of, by index */
	readonly goroutines: Map<number, { id: number; name: string }>;
	/** for tests and the curious */
	requests = 0;

	constructor(
		private readonly doc: number,
		readonly duration: number,
		private readonly changed: () => void,
		private readonly failing: (text: string) => void = () => {},
		/** of an earlier reading of the same trace: its tiles are drawn until there are new ones */
		private before: TileStore | null = null,
	) {
		if (before) before.before = null;
		this.goroutines = new Map(before?.goroutines);
		this.topLevel = Math.max(0, Math.ceil(Math.log2(Math.max(1, duration / tileCells))));
	}

	/** What is to be marked besides: part of the question. */
	setMark(mark: string): void {
		if (mark === this.mark) return;
		this.mark = mark;
		this.wanted.clear();
		this.changed();
	}

	private key(lane: string, level: number, index: number, mark: string): string {
		return `${lane}/${level}/${index}${mark}`;
	}

	private find(lane: string, level: number, index: number): LaneTile | undefined {
		return this.tiles.get(this.key(lane, level, index, this.mark)) ?? (this.mark ? this.tiles.get(this.key(lane, level, index, "")) : undefined);
	}

	/** What to draw for a lane in [from, to): the level asked for where it is there, else what is nearest to it. */
	pieces(lane: string, level: number, from: number, to: number, out: Piece[] = []): Piece[] {
		level = Math.min(level, this.topLevel);
		const length = tileLength(level);
		for (let i = Math.max(0, Math.floor(from / length)); i * length < Math.min(to, this.duration); i++) {
			const a = Math.max(from, i * length);
			const b = Math.min(to, (i + 1) * length);
			const exact = this.find(lane, level, i);
			if (exact) out.push({ tile: exact, from: a, to: b });
			else if (a < this.substituteOld(lane, level, a, b, out)) continue;
			else this.substitute(lane, level, i, a, b, out);
		}
		return out;
	}

	/** Up to where an earlier reading has something to show. */
	private substituteOld(lane: string, level: number, from: number, to: number, out: Piece[]): number {
		const old = this.before;
		const n = out.length;
		if (old && from < old.duration) old.pieces(lane, level, from, Math.min(to, old.duration), out);
		return out.length > n ? out[out.length - 1]!.to : from;
	}

	private substitute(lane: string, level: number, index: number, from: number, to: number, out: Piece[]): void {
		for (let up = 1; level + up <= this.topLevel; up++) {
			const coarse = this.find(lane, level + up, Math.floor(index / 2 ** up));
			if (!coarse) continue;
			out.push({ tile: coarse, from, to });
			return;
		}
		for (let down = 1; down <= 2 && level - down >= 0; down++) {
			const before = out.length;
			for (let k = 0; k < 2 ** down; k++) {
				const fine = this.find(lane, level - down, index * 2 ** down + k);
				if (fine) out.push({ tile: fine, from: Math.max(from, fine.from), to: Math.min(to, fine.to) });
			}
			if (out.length > before) return;
		}
	}

	/** Says what is on screen. Questions that were not sent yet and are no longer wanted are forgotten. */
	want(lanes: string[], level: number, from: number, to: number, keep = false): void {
		if (!keep) this.wanted.clear();
		level = Math.min(level, this.topLevel);
		const length = tileLength(level);
		const now = performance.now();
		for (let i = Math.max(0, Math.floor(from / length)); i * length < Math.min(to, this.duration); i++) {
			const missing = lanes.filter((lane) => {
				const key = this.key(lane, level, i, this.mark);
				const hit = this.tiles.get(key);
				if (hit) {
					// The order of the map is that of use.
					this.tiles.delete(key);
					this.tiles.set(key, hit);
				}
				return !hit && !this.pending.has(key) && (this.failed.get(key) ?? 0) < now;
			});
			if (missing.length) this.wanted.set(`${level}/${i}${keep ? "+" : ""}`, { lanes: missing, level, index: i });
		}
		if (this.wanted.size && !this.scheduled)
			this.scheduled = window.setTimeout(() => {
				this.scheduled = 0;
				this.pump();
			}, 8);
	}

	get loading(): boolean {
		return this.running > 0 || this.wanted.size > 0;
	}

	private pump(): void {
		while (this.running < requestsAtOnce && this.wanted.size) {
			const [name, w] = this.wanted.entries().next().value!;
			const lanes = w.lanes.splice(0, lanesPerRequest);
			if (!w.lanes.length) this.wanted.delete(name);
			void this.load(lanes, w.level, w.index, this.mark);
		}
	}

	private async load(lanes: string[], level: number, index: number, mark: string): Promise<void> {
		const from = index * tileLength(level);
		const to = Math.min(from + tileLength(level), this.duration);
		const keys = lanes.map((lane) => this.key(lane, level, index, mark));
		for (const k of keys) this.pending.add(k);
		this.running++;
		this.requests++;
		try {
			const url = `/api/tiles?doc=${this.doc}&lanes=${lanes.join(",")}&time=${from}ns..${to}ns&cell=${cellOf(level)}ns${mark}&format=frames`;
			this.take(decodeTiles(await getBytes(url, this.abort.signal)), lanes, level, index, keys);
		} catch (error) {
			if (!this.abort.signal.aborted) {
				for (const k of keys) this.failed.set(k, performance.now() + 5000);
				this.failing(error instanceof Error ? error.message : String(error));
			}
		} finally {
			for (const k of keys) this.pending.delete(k);
			this.running--;
			if (!this.abort.signal.aborted) {
				this.pump();
				if (!this.loading) this.before = null;
				this.changed();
			}
		}
	}

	private take(source: Tiles, lanes: string[], level: number, index: number, keys: string[]): void {
		const from = index * tileLength(level);
		for (const g of source.head.goroutines) this.goroutines.set(g.index, g);
		const fresh: LaneTile[] = lanes.map((_, k) => ({
			key: `${this.serial}:${keys[k]}`, level, index, from, to: from + tileLength(level), cell: cellOf(level), source, tracks: [], curve: null,
		}));
		for (const t of source.head.tracks) fresh[t.lane]!.tracks.push(t);
		for (const c of source.head.curves)
			fresh[c.lane]!.curve = { series: c.series, n: c.n, values: source.values.subarray(c.first, c.first + c.n * c.series.length) };
		fresh.forEach((t, k) => this.tiles.set(keys[k]!, t));
		while (this.tiles.size > keepTiles) this.tiles.delete(this.tiles.keys().next().value as string);
	}

	release(): void {
		this.abort.abort();
		clearTimeout(this.scheduled);
	}
}

/** The cell of a track that holds `time`, or the nearest within `slack`; -1. */
export function cellAt(tile: LaneTile, track: TrackHead, time: number, slack = 0): number {
	const { start, end } = tile.source;
	let low = track.first, high = track.first + track.n;
	while (low < high) {
		const middle = (low + high) >> 1;
		if (end[middle]! <= time) low = middle + 1;
		else high = middle;
	}
	if (low < track.first + track.n && start[low]! <= time + slack) return low;
	if (slack > 0 && low > track.first && end[low - 1]! >= time - slack) return low - 1;
	return -1;
}
