import { describe, expect, it, vi } from "vitest";
import { decodeTiles } from "../src/api/tiles";
import { changeRoute, defaults, formatRoute, parseRoute } from "../src/state/route";
import { profileQuery } from "../src/state/query";
import { classOf, setClassPattern } from "../src/timeline/states";
import { cellAt, levelFor, TileStore, tileLength, type LaneTile } from "../src/timeline/store";
import { formatLength, formatMoment, parseRange, roundStep, timeArgument } from "../src/timeline/time";

const align8 = (n: number) => (n + 7) & ~7;

/** An answer as the engine writes it. */
function answer(cells: { start: number; end: number; info: number }[], values: number[] = []): ArrayBuffer {
	const n = cells.length;
	const head = JSON.stringify({
		from_ns: 0, to_ns: 100, cell_ns: 10, lanes: ["g0"], reasons: [""], names: [], goroutines: [], tracks: [{ kind: "states", lane: 0, depth: 0, first: 0, n }],
		curves: values.length ? [{ lane: 0, series: ["heap", "goal"], first: 0, n: values.length / 2 }] : [],
	});
	const json = new TextEncoder().encode(head.padEnd(align8(head.length)));
	const buffer = new ArrayBuffer(24 + json.length + 16 * n + 3 * align8(4 * n) + align8(12 * n) + 4 * values.length);
	const view = new DataView(buffer);
	view.setUint32(0, 0x31545347, true);
	view.setUint32(4, 1, true);
	view.setUint32(8, n, true);
	view.setUint32(16, json.length, true);
	new Uint8Array(buffer, 24).set(json);
	let at = 24 + json.length;
	cells.forEach((c, i) => view.setFloat64(at + 8 * i, c.start, true));
	at += 8 * n;
	cells.forEach((c, i) => view.setFloat64(at + 8 * i, c.end, true));
	at += 8 * n;
	cells.forEach((c, i) => view.setUint32(at + 4 * i, c.info, true));
	at += 3 * align8(4 * n) + align8(12 * n);
	values.forEach((v, i) => view.setFloat32(at + 4 * i, v, true));
	return buffer;
}

describe("tiles", () => {
	it("reads the columns and refuses what is cut", () => {
		const buffer = answer([{ start: 0, end: 40, info: 1 }, { start: 50, end: 90, info: 2 }, { start: 95, end: 99, info: 1 | (1 << 16) }], [1, 2, 3, 4]);
		const t = decodeTiles(buffer);
		expect([...t.end]).toEqual([40, 90, 99]);
		expect([...t.values]).toEqual([1, 2, 3, 4]);
		expect(() => decodeTiles(buffer.slice(0, buffer.byteLength - 40))).toThrow(/end early|not there/);
		expect(() => decodeTiles(new ArrayBuffer(8))).toThrow(/shorter/);
	});

	it("finds the cell of a moment", () => {
		const source = decodeTiles(answer([{ start: 0, end: 40, info: 1 }, { start: 50, end: 90, info: 2 }]));
		const tile = { source } as LaneTile;
		const track = source.head.tracks[0]!;
		expect(cellAt(tile, track, 20)).toBe(0);
		expect(cellAt(tile, track, 45)).toBe(-1);
		expect(cellAt(tile, track, 45, 6)).toBe(1);
		expect(cellAt(tile, track, 89)).toBe(1);
		expect(cellAt(tile, track, 95)).toBe(-1);
	});

	it("draws an earlier reading until the next is here", async () => {
		const fetched: string[] = [];
		vi.stubGlobal("window", globalThis);
		vi.stubGlobal("fetch", (url: string) => {
			fetched.push(url);
			return Promise.resolve({ ok: true, headers: new Headers(), arrayBuffer: () => Promise.resolve(answer([{ start: 0, end: 90, info: 1 }])) });
		});
		const loaded = async (store: TileStore) => {
			store.want(["g0"], 0, 0, 2000);
			await vi.waitFor(() => expect(store.loading).toBe(false));
		};
		const old = new TileStore(1, 1500, () => {});
		await loaded(old);
		const before = old.pieces("g0", 0, 0, old.duration);
		expect(before.map((p) => [p.from, p.to])).toEqual([[0, 1024], [1024, 1500]]);
		const store = new TileStore(1, 2500, () => {}, () => {}, old);
		expect(store.pieces("g0", 0, 0, 2500).map((p) => [p.tile.key, p.from, p.to])).toEqual(before.map((p) => [p.tile.key, p.from, p.to]));
		await loaded(store);
		const now = store.pieces("g0", 0, 0, 2048);
		expect(now.map((p) => [p.from, p.to])).toEqual([[0, 1024], [1024, 2048]]);
		expect(now.some((p) => before.some((b) => b.tile.key === p.tile.key))).toBe(false);
		vi.unstubAllGlobals();
	});

	it("asks for cells between half a pixel and one", () => {
		for (const ns of [1, 3, 1000, 1e6 + 1]) {
			const cell = tileLength(levelFor(ns)) / 1024;
			expect(cell).toBeLessThanOrEqual(ns);
			expect(cell * 2).toBeGreaterThan(ns);
		}
	});
});

describe("time", () => {
	it("is written with its unit", () => {
		expect(formatLength(1_234_567)).toBe("1.23 ms");
		expect(formatLength(12)).toBe("12 ns");
		expect(formatMoment(2_000_200_000, 200_000)).toBe("2.0002 s");
		expect(roundStep(130)).toBe(200);
		expect(roundStep(1001)).toBe(2000);
	});

	it("is a range in the link and an argument of the engine", () => {
		expect(parseRange("5-900", 600)).toEqual([5, 600]);
		expect(parseRange("9-5", 600)).toBeNull();
		expect(parseRange("a-b", 600)).toBeNull();
		expect(timeArgument("5-900")).toBe("5ns..900ns");
		expect(timeArgument("")).toBe("");
	});
});

describe("the part of a trace", () => {
	it("is part of every question, survives the link, and ends with the document", () => {
		const r = changeRoute({ ...defaults, doc: 1 }, { range: "5-900", goroutines: ["7"], starters: ["main.f"], pins: ["g1"], node: -1 });
		const q = profileQuery(parseRoute(formatRoute(r)));
		expect([q.get("time"), q.getAll("goroutine"), q.get("group")]).toEqual(["5ns..900ns", ["7"], "^main\\.f$"]);
		const other = changeRoute(r, { doc: 2 });
		expect([other.range, other.goroutines, other.pins]).toEqual(["", [], []]);
	});
});

describe("classes of names", () => {
	it("end at the first separator, or where one says", () => {
		expect(["http-get", "db.query", "plain"].map(classOf)).toEqual(["http", "db", "plain"]);
		setClassPattern("get");
		expect(classOf("http-get")).toBe("http-");
		setClassPattern("(");
		expect(classOf("http-get")).toBe("http");
	});
});
