import { expect, test } from "vitest";
import type { Doc, TrendRow } from "../src/api/types";
import { nameRows, newestOf, seriesOf } from "../src/trend/ask";
import { formatSlope, paceOf, projection, tickTime, tickValue, ticks, TrendPlot } from "../src/trend/plot";

const types = [{ type: "inuse_space", unit: "bytes" }];
const doc = (id: number, name: string, more: Partial<Doc> = {}): Doc => ({ id, name, kind: "profile", group: null, title: name, sample_types: types, ...more });
const row = (values: number[], more: Partial<TrendRow> = {}): TrendRow => ({
	name: "f", verdict: "growing", slowing: false, slope_per_s: 1, low_per_s: 0.5, high_per_s: 1.5, level: 0, p: 0, q: 0, autocorrelation: 0, mean: 1, doubles_in_s: null, gib_in_s: null, values, stack: [], ...more,
});

test("a series is profiles of one kind, type and program", () => {
	const a = doc(1, "x/heap-1.pprof"), b = doc(2, "y/heap.pprof");
	const others = [doc(3, "allocs.pprof"), doc(4, "heap.pprof", { sample_types: [{ type: "goroutine", unit: "count" }] }), doc(5, "shop.core", { kind: "heap" })];
	expect(seriesOf(a, [a, b, ...others]).map((d) => d.id)).toEqual([1, 2]);
	expect(seriesOf(doc(1, "a.pb.gz"), [doc(1, "a.pb.gz"), doc(2, "b.pb.gz")]).length).toBe(2);
	expect(seriesOf(doc(1, "heap.pprof", { main_module: "m" }), [doc(2, "heap.pprof", { main_module: "n" }), doc(3, "heap.pprof", { main_module: "m" }), doc(4, "heap.pprof")]).map((d) => d.id)).toEqual([3, 4]);
	// A recording takes both from the kernel and from the program: the same moments, other numbers.
	expect(seriesOf(doc(1, "cpu.pprof"), [doc(1, "cpu.pprof"), doc(2, "cpu-go.pprof"), doc(3, "perf.data")]).length).toBe(1);
	expect(newestOf([doc(1, "a", { time_ns: 5 }), doc(2, "b", { time_ns: 9 }), doc(3, "c", { time_ns: 7 })]).id).toBe(2);
	expect(newestOf([doc(1, "a"), doc(2, "b")]).id).toBe(2);
});

test("stacks that end in one function are told apart", () => {
	expect(nameRows([row([1]), row([2], { name: "g" }), row([3])]).map((n) => n.key)).toEqual(["0/f", "0/g", "1/f"]);
});

test("values, line and interval lie in the box; a line through positive values ends at nothing", () => {
	const box = { left: 10, top: 5, width: 100, height: 50 };
	const p = new TrendPlot([0, 5, 10], row([0, 5, 10], { level: 0 }), box);
	expect([p.x(0), p.x(10), p.y(0), p.y(10)]).toEqual([10, 110, 55, 5]);
	expect(p.line()).toBe("M10 55.0L110 5.0");
	expect(p.wedge()).toBe("M10 42.5L110 17.5L110 -7.5L10 67.5Z");
	expect(new TrendPlot([0, 5, 10], row([0, 5, 10], { low_per_s: null, high_per_s: null }), box).wedge()).toBe("");
	expect([p.indexAt(-5), p.indexAt(58), p.indexAt(500)]).toEqual([0, 1, 2]);
	const steady = new TrendPlot([0, 1], row([100, 99], { slope_per_s: -1, level: 100 }), box);
	expect([steady.low, steady.high]).toEqual([50, 100]);
	const steep = new TrendPlot([0, 1], row([0, 1], { slope_per_s: 5, level: -2 }), box);
	expect([steep.low, steep.high]).toEqual([0, 3]);
	const nothing = new TrendPlot([3], row([0], { slope_per_s: 0 }), box);
	expect(Number.isFinite(nothing.x(3)) && Number.isFinite(nothing.y(0))).toBe(true);
});

test("ticks are round, and short in words", () => {
	expect(ticks(0, 41, 8, 60)).toEqual([0, 10, 20, 30, 40]);
	expect(ticks(3, 95, 4, 10)).toEqual([25, 50, 75]);
	expect(ticks(0, 9, 4, 10)).toEqual([0, 5]);
	expect(ticks(0, 100e6, 4, 2)).toEqual([0, 33554432, 67108864]);
	expect(ticks(5, 5, 4, 10)).toEqual([]);
	expect([tickTime(30), tickTime(90), tickTime(120), tickTime(7200), tickTime(172800)]).toEqual(["30 s", "1 min 30 s", "2 min", "2 h", "2 d"]);
	expect([tickValue("32.0 MB"), tickValue("1.50 MB"), tickValue("1,200"), tickValue("10.0 kB/s")]).toEqual(["32 MB", "1.50 MB", "1,200", "10 kB/s"]);
});

test("slopes read well, whatever their size", () => {
	expect(paceOf([row([], { slope_per_s: 2e6 })], "bytes").name).toBe("s");
	expect(paceOf([row([], { slope_per_s: -20 })], "bytes").name).toBe("min");
	expect(paceOf([row([], { slope_per_s: 0 })], "count").name).toBe("day");
	const minute = { name: "min", seconds: 60 };
	expect(formatSlope(1024, minute, "bytes", "auto")).toBe("+60.0 kB");
	expect(formatSlope(-0.5, minute, "count", "auto")).toBe("−30");
	expect(formatSlope(-0.001, minute, "count", "auto")).toBe("0");
	expect(formatSlope(null, minute, "count", "auto")).toBe("?");
	expect(projection(row([], { gib_in_s: 457, doubles_in_s: 45 }))).toBe("At this rate 1 GB more in 7 min 37 s, twice as much in 45.0 s.");
	expect(projection(row([], { doubles_in_s: 1e6, slowing: true }))).toBe("At this rate twice as much in 12 days; but it is slowing down.");
	expect(projection(row([], { verdict: "steady" }))).toBe("");
});
