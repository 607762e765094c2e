// The rows of the timeline, tens of thousands of them: segments of rows that are known by number only, filled in page by page
// as they come into sight.

import { getJSON } from "../api/client";
import type { LaneGroup, LaneRow, LanesAnswer } from "../api/types";

export const laneHeight = 26;
export const groupHeight = 28;
export const sectionHeight = 24;
const pageRows = 200;

export interface Row {
	key: string;
	kind: "section" | "group" | "lane";
	/** lane or group as the engine calls it; "" for sections */
	lane: string;
	name: string;
	level: number;
	height: number;
	open: boolean | null;
	group: LaneGroup | null;
	data: LaneRow | null;
	note: string;
}

/** `stale`: pages of an earlier reading of the trace, shown until the new ones are here */
interface Segment { head: Row | null; count: number; url: string; pages: Map<number, LaneRow[]>; stale: Set<number>; y: number; level: number; group: string }

export interface RowQuery {
	doc: number;
	by: "function" | "creator" | "task" | "none";
	/** filters and order as arguments of GET /api/lanes */
	filter: string;
	open: string[];
	/** sections that are closed or open against their habit */
	toggled: string[];
}

export class Rows {
	private segments: Segment[] = [];
	private readonly asking = new Map<string, Promise<unknown>>();
	height = 0;
	count = 0;
	/** lanes that pass the filters, and the marked time of them */
	lanes = 0;
	hitNs: number | undefined;
	groups: LaneGroup[] = [];
	private generation = 0;

	constructor(private readonly changed: () => void) {}

	/** Asks for the lists that make the outline; the old rows stay until the new ones are here. */
	async load(q: RowQuery, first: LanesAnswer): Promise<void> {
		const generation = ++this.generation;
		const base = `/api/lanes?doc=${q.doc}`;
		const list = `${base}${q.filter}`;
		const grouped = q.by === "function" || q.by === "task";
		const answer = await getJSON<LanesAnswer>(`${list}&group-by=${q.by}&limit=${grouped ? 1 : pageRows}`);
		if (generation !== this.generation) return;
		const segments: Segment[] = [];
		const section = (key: string, name: string, note: string, openByHabit: boolean): boolean => {
			const open = q.toggled.includes(key) ? !openByHabit : openByHabit;
			segments.push(this.segment({ key, kind: "section", lane: "", name, level: 0, height: sectionHeight, open, group: null, data: null, note }, 0, ""));
			return open;
		};
		if (section("procs", "Processors", String(first.procs), first.procs <= 16))
			segments.push(this.segment(null, first.procs, `${base}&kind=procs&sort=id`));
		if (section("threads", "Threads", String(first.threads), false)) segments.push(this.segment(null, first.threads, `${base}&kind=threads&sort=id`));
		this.groups = answer.groups ?? [];
		this.lanes = q.by === "function" ? this.groups.reduce((n, g) => n + g.count, 0) : answer.count;
		this.hitNs = answer.hit_ns;
		if (section("goroutines", q.by === "task" ? "Tasks" : "Goroutines", "", true)) {
			if (grouped)
				for (const g of this.groups) {
					const open = q.open.includes(g.name);
					const group = `${list}&group-by=${q.by}&group=${encodeURIComponent(g.name)}`;
					const head: Row = {
						key: `+${g.name}`, kind: "group", lane: q.by === "function" ? g.lane : "", name: g.name, level: 0, height: groupHeight, open, group: g, data: null, note: "",
					};
					// Tasks bring their goroutines with them: how many is known from the first page.
					const s = this.segment(head, open ? g.count : 0, group, g.name);
					s.level = 1;
					segments.push(s);
					if (open && q.by === "task") {
						const rows = await getJSON<LanesAnswer>(`${group}&limit=${pageRows}&offset=0`);
						if (generation !== this.generation) return;
						s.count = rows.count;
						s.pages.set(0, rows.rows);
					}
				}
			else {
				const s = this.segment(null, answer.count, `${list}&group-by=${q.by}`);
				s.pages.set(0, answer.rows);
				segments.push(s);
			}
		}
		for (const s of segments) {
			const old = this.segments.find((o) => o.url === s.url && (o.head?.key ?? "") === (s.head?.key ?? ""));
			for (const [page, rows] of old?.pages ?? [])
				if (!s.pages.has(page)) {
					s.pages.set(page, rows);
					s.stale.add(page);
				}
		}
		this.segments = segments;
		this.place();
		this.changed();
	}

	private segment(head: Row | null, count: number, url: string, group = ""): Segment {
		return { head, count, url, pages: new Map(), stale: new Set(), y: 0, level: 0, group };
	}

	private place(): void {
		let y = 0;
		this.count = 0;
		for (const s of this.segments) {
			s.y = y;
			y += (s.head?.height ?? 0) + s.count * laneHeight;
			this.count += (s.head ? 1 : 0) + s.count;
		}
		this.height = y;
	}

	private row(s: Segment, i: number): Row {
		const page = Math.floor(i / pageRows);
		const rows = s.pages.get(page);
		if (!rows || s.stale.has(page)) this.ask(s, page);
		const data = rows?.[i % pageRows] ?? null;
		return {
			key: data?.lane ?? `${s.url}#${i}`, kind: "lane", lane: data?.lane ?? "", name: data?.name ?? "", level: s.level + (data?.level ?? 0), height: laneHeight, open: null,
			group: null, data, note: "",
		};
	}

	private ask(s: Segment, page: number): void {
		const url = `${s.url}&limit=${pageRows}&offset=${page * pageRows}`;
		if (this.asking.has(url)) return;
		const asked = getJSON<LanesAnswer>(url).then(
			(a) => {
				s.pages.set(page, a.rows);
				s.stale.delete(page);
				this.asking.delete(url);
				this.changed();
			},
			() => window.setTimeout(() => this.asking.delete(url), 3000),
		);
		this.asking.set(url, asked);
	}

	/** The rows that touch [from, to) of the whole height, each with its place. */
	between(from: number, to: number): { row: Row; y: number; index: number }[] {
		const out: { row: Row; y: number; index: number }[] = [];
		let index = 0;
		for (const s of this.segments) {
			const height = (s.head?.height ?? 0) + s.count * laneHeight;
			if (s.y + height > from && s.y < to) {
				let y = s.y;
				if (s.head) {
					if (y + s.head.height > from) out.push({ row: s.head, y, index });
					y += s.head.height;
				}
				const first = Math.max(0, Math.floor((from - y) / laneHeight));
				for (let i = first; i < s.count && y + i * laneHeight < to; i++)
					out.push({ row: this.row(s, i), y: y + i * laneHeight, index: index + (s.head ? 1 : 0) + i });
			}
			index += (s.head ? 1 : 0) + s.count;
		}
		return out;
	}

	/** Row by number: where keys move. */
	at(wanted: number): { row: Row; y: number } | null {
		let index = 0;
		for (const s of this.segments) {
			const heads = s.head ? 1 : 0;
			if (wanted < index + heads + s.count) {
				if (heads && wanted === index) return { row: s.head!, y: s.y };
				const i = wanted - index - heads;
				return { row: this.row(s, i), y: s.y + (s.head?.height ?? 0) + i * laneHeight };
			}
			index += heads + s.count;
		}
		return null;
	}

	/** The number of a row whose page is loaded; -1. */
	indexOf(key: string): number {
		let index = 0;
		for (const s of this.segments) {
			if (s.head) {
				if (s.head.key === key) return index;
				index++;
			}
			for (const [page, rows] of s.pages) {
				const at = rows.findIndex((r) => r.lane === key);
				if (at >= 0) return index + page * pageRows + at;
			}
			index += s.count;
		}
		return -1;
	}

	dataOf(lane: string): LaneRow | null {
		for (const s of this.segments) for (const rows of s.pages.values()) for (const r of rows) if (r.lane === lane) return r;
		return null;
	}
}
