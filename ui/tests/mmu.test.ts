import { expect, test } from "vitest";
import type { MmuAnswer } from "../src/api/types";
import { linesOf, MmuPlot, shareTitle } from "../src/mmu/plot";

const windows = Array.from({ length: 41 }, (_, i) => Math.round(1000 * 10 ** (i / 10)));

test("window lengths lie evenly by their logarithm, shares from the ground up", () => {
	const p = new MmuPlot(windows, 462, 238);
	expect(p.x(1000)).toBeCloseTo(MmuPlot.left);
	expect(p.x(10_000_000)).toBeCloseTo(462 - MmuPlot.right);
	expect(p.x(100_000)).toBeCloseTo((p.x(1000) + p.x(10_000_000)) / 2);
	expect(p.y(1)).toBe(MmuPlot.top);
	expect(p.y(0)).toBe(238 - MmuPlot.bottom);
	expect(p.ticks).toEqual([1e3, 1e4, 1e5, 1e6, 1e7]);
});

test("the nearest point answers for a place and for a length", () => {
	const p = new MmuPlot(windows, 462, 238);
	for (const i of [0, 7, 40]) {
		expect(p.indexAt(p.x(windows[i]!) + 1)).toBe(i);
		expect(p.indexOf(windows[i]!)).toBe(i);
	}
	expect(p.indexAt(-500)).toBe(0);
	expect(p.indexAt(5000)).toBe(40);
	expect(p.indexOf(0)).toBe(-1);
	expect(new MmuPlot([], 100, 100).indexOf(1000)).toBe(-1);
});

test("one point, or none, makes no line that is not there", () => {
	const one = new MmuPlot([1000], 300, 200);
	expect(one.path([0.5])).toMatch(/^M\d+\.\d \d+\.\d$/);
	expect(Number.isFinite(one.x(1000))).toBe(true);
	expect(new MmuPlot([], 300, 200).path([])).toBe("");
	expect(new MmuPlot([], 300, 200).area([])).toBe("");
});

test("lines are named by the windows that have as much, and never cross the least", () => {
	const a: MmuAnswer = {
		mean: 0.9, unknown_ns: 0, shares: [0.001, 0.01, 0.05], worst: [],
		curve: [{ window_ns: 1000, utilization: 0.5, start_ns: 3, distribution: [0.4999, 0.6, 0.7] }],
	};
	expect(linesOf(a)).toEqual([{ title: "least", values: [0.5] }, { title: "99.9 %", values: [0.5] }, { title: "99 %", values: [0.6] }, { title: "95 %", values: [0.7] }]);
	expect(shareTitle(0.0001)).toBe("99.99 %");
});
