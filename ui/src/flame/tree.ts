// Frames with their place: where each one lies on the width, per depth in order, ready for binary search.

import { NO_PARENT, NodeFlag, type FrameName, type Frames } from "../api/frames";
import { packageOf, spellings, visible } from "../lib/names";
import type { Tone } from "../render/color";

/**
 * How wide frames are drawn. With base values, or values below zero, that is the larger side of each frame's own
 * cost plus what its children take: removed frames have a place, and children never overflow their parent.
 */
function weights(f: Frames): Float64Array {
	if (!f.baseTotal && f.total.every((v) => v >= 0) && f.self.every((v) => v >= 0)) return f.total;
	const w = new Float64Array(f.count);
	for (let i = f.count - 1; i >= 0; i--) {
		w[i]! += Math.max(Math.abs(f.self[i]!), f.baseSelf ? Math.abs(f.baseSelf[i]!) : 0);
		const p = f.parent[i]!;
		if (p !== NO_PARENT) w[p]! += w[i]!;
	}
	return w;
}

const NOT_A_FUNCTION = NodeFlag.Label | NodeFlag.Smaller;

export class FlameTree {
	readonly count: number;
	readonly depth: Uint16Array;
	/** place on the width, in value units */
	readonly start: Float64Array;
	readonly width: Float64Array;
	/** nodes of one depth, ordered by start */
	readonly rows: Uint32Array[];
	readonly firstChild: Int32Array;
	readonly nextSibling: Int32Array;
	/** index of the node that fills the width, and the frames above it */
	readonly focus: number;
	readonly fullWidth: number;
	private readonly spelled: (string[] | undefined)[] = [];
	private byId: Map<number, number> | null = null;

	constructor(readonly frames: Frames, rootId: number) {
		const n = frames.count;
		this.count = n;
		this.depth = new Uint16Array(n);
		this.start = new Float64Array(n);
		this.width = new Float64Array(n);
		this.firstChild = new Int32Array(n).fill(-1);
		this.nextSibling = new Int32Array(n).fill(-1);
		const { parent, id } = frames;

		let focus = 0;
		if (rootId !== 0)
			for (let i = 0; i < n; i++)
				if (id[i] === rootId) {
					focus = i;
					break;
				}
		this.focus = focus;
		const weight = weights(frames);
		const own = (i: number) => weight[i]!;
		this.fullWidth = n > 0 ? own(focus) : 0;

		const chain = new Uint8Array(n);
		if (n > 0)
			for (let i = focus; ; i = parent[i]!) {
				chain[i] = 1;
				if (parent[i] === NO_PARENT) break;
			}
		const cursor = new Float64Array(n);
		const lastChild = new Int32Array(n).fill(-1);
		const counts: number[] = [];
		for (let i = 0; i < n; i++) {
			const p = parent[i]!;
			if (p === NO_PARENT) {
				this.width[i] = chain[i] ? this.fullWidth : own(i);
			} else {
				this.depth[i] = this.depth[p]! + 1;
				const onPath = chain[i] === 1;
				// Frames above the focus fill the width; what hangs beside the path is out of sight.
				this.width[i] = onPath ? this.fullWidth : chain[p] && p !== focus ? 0 : own(i);
				this.start[i] = onPath ? 0 : this.start[p]! + cursor[p]!;
				if (!onPath) cursor[p]! += this.width[i]!;
				if (lastChild[p]! < 0) this.firstChild[p] = i;
				else this.nextSibling[lastChild[p]!] = i;
				lastChild[p] = i;
			}
			const d = this.depth[i]!;
			counts[d] = (counts[d] ?? 0) + 1;
		}
		this.rows = counts.map((c) => new Uint32Array(c));
		const filled = new Uint32Array(counts.length);
		const sorted = new Uint8Array(counts.length).fill(1);
		for (let i = 0; i < n; i++) {
			const d = this.depth[i]!;
			const row = this.rows[d]!;
			const at = filled[d]!++;
			row[at] = i;
			if (at > 0 && this.start[row[at - 1]!]! > this.start[i]!) sorted[d] = 0;
		}
		for (let d = 0; d < this.rows.length; d++)
			if (!sorted[d]) this.rows[d]!.sort((a, b) => this.start[a]! - this.start[b]!);
	}

	get maxDepth(): number {
		return this.rows.length;
	}

	nameOf(i: number): FrameName {
		return this.frames.info.names[this.frames.name[i]!]!;
	}

	/** Spellings of the node's name from long to short, made once per name. */
	spellingsOf(i: number): string[] {
		const at = this.frames.name[i]!;
		let s = this.spelled[at];
		if (!s) {
			const name = this.frames.info.names[at]!.name;
			// Labels and the root are no function names: nothing in them is a package to leave out.
			s = this.frames.parent[i] === NO_PARENT && !name.includes(".") || this.frames.flags[i]! & NOT_A_FUNCTION ? [visible(name)] : spellings(name);
			this.spelled[at] = s;
		}
		return s;
	}

	toneOf(i: number): Tone {
		const f = this.frames.flags[i]!;
		if (this.frames.parent[i] === NO_PARENT && !this.frames.info.names[this.frames.name[i]!]!.name.includes(".")) return "rest";
		if (f & NodeFlag.Smaller) return "rest";
		if (f & NodeFlag.Label) return "label";
		if (f & NodeFlag.Kernel) return "kernel";
		if (f & NodeFlag.Native) return "native";
		if (f & NodeFlag.Runtime) return "runtime";
		return standardLibrary(this.packageOf(i)) ? "library" : "code";
	}

	packageOf(i: number): string {
		const name = this.nameOf(i);
		return name.package || packageOf(name.name);
	}

	indexOfId(id: number): number {
		if (!this.byId) {
			this.byId = new Map();
			for (let i = 0; i < this.count; i++) this.byId.set(this.frames.id[i]!, i);
		}
		return this.byId.get(id) ?? -1;
	}

	/** The node at a place of a row, -1 for a gap. */
	at(depth: number, place: number): number {
		const row = this.rows[depth];
		if (!row) return -1;
		const k = this.lastStartingBefore(row, place);
		if (k < 0) return -1;
		const i = row[k]!;
		return place < this.start[i]! + this.width[i]! ? i : -1;
	}

	/** Index in `row` of the last node that starts at or before `place`, -1 when all start after it. */
	lastStartingBefore(row: Uint32Array, place: number): number {
		let low = 0;
		let high = row.length;
		while (low < high) {
			const mid = (low + high) >> 1;
			if (this.start[row[mid]!]! <= place) low = mid + 1;
			else high = mid;
		}
		// Nodes of no width share a start with their neighbour: step to the one that has an extent.
		let k = low - 1;
		while (k > 0 && this.width[row[k]!] === 0 && this.start[row[k - 1]!]! + this.width[row[k - 1]!]! > place) k--;
		return k;
	}

	/** The deepest node that covers [from, to). */
	covering(from: number, to: number): number {
		let i = this.count > 0 ? 0 : -1;
		if (i < 0) return -1;
		for (;;) {
			let inside = -1;
			for (let c = this.firstChild[i]!; c >= 0; c = this.nextSibling[c]!)
				if (this.width[c]! > 0 && this.start[c]! <= from && this.start[c]! + this.width[c]! >= to) {
					inside = c;
					break;
				}
			if (inside < 0) return i;
			i = inside;
		}
	}

	/** Root first, the node last. */
	path(i: number): number[] {
		const out: number[] = [];
		for (let k = i; k >= 0 && k < this.count; ) {
			out.push(k);
			const p = this.frames.parent[k]!;
			if (p === NO_PARENT) break;
			k = p;
		}
		return out.reverse();
	}

	/** The neighbour that an arrow key leads to; -1 when there is none. */
	neighbour(i: number, way: "parent" | "child" | "next" | "previous"): number {
		const p = this.frames.parent[i]!;
		switch (way) {
			case "parent":
				return p === NO_PARENT ? -1 : p;
			case "child": {
				let best = -1;
				for (let c = this.firstChild[i]!; c >= 0; c = this.nextSibling[c]!)
					if (best < 0 || this.width[c]! > this.width[best]!) best = c;
				return best;
			}
			default: {
				const row = this.rows[this.depth[i]!]!;
				const k = row.indexOf(i);
				const j = way === "next" ? k + 1 : k - 1;
				return j >= 0 && j < row.length ? row[j]! : -1;
			}
		}
	}
}

/** Packages outside the standard library have a host name first; main is the program itself. Assembly has no package. */
function standardLibrary(pkg: string): boolean {
	const slash = pkg.indexOf("/");
	const first = slash < 0 ? pkg : pkg.slice(0, slash);
	return first !== "main" && !first.includes(".");
}
