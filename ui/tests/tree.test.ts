import { describe, expect, it } from "vitest";
import { decodeFrames } from "../src/api/frames";
import { FlameTree } from "../src/flame/tree";
import { firstOpen, openRows } from "../src/views/tree";
import { encode, small } from "./build";

const tree = (root = 0, nodes = small, options = {}) => new FlameTree(decodeFrames(encode(nodes, options)), root);

describe("FlameTree", () => {
	it("places children one after the other from their parent's start", () => {
		const t = tree();
		expect(t.fullWidth).toBe(100);
		expect([...t.start]).toEqual([0, 0, 60, 0, 40]);
		expect([...t.depth]).toEqual([0, 1, 1, 2, 2]);
		expect(t.rows.map((r) => [...r])).toEqual([[0], [1, 2], [3, 4]]);
	});
	it("finds the node at a place, and none in a gap", () => {
		const t = tree();
		expect(t.at(1, 59.9)).toBe(1);
		expect(t.at(1, 60)).toBe(2);
		expect(t.at(1, 95)).toBe(-1);
		expect(t.at(7, 1)).toBe(-1);
	});
	it("stretches the path above a focused node over the whole width", () => {
		const t = tree(3);
		expect(t.fullWidth).toBe(40);
		expect([t.width[0], t.width[1], t.width[3]]).toEqual([40, 40, 40]);
		expect([t.start[0], t.start[1], t.start[3]]).toEqual([0, 0, 0]);
		expect(t.width[4]).toBe(0);
		expect(t.at(2, 39)).toBe(3);
	});
	it("gives a removed frame a place: the width is the larger side", () => {
		const nodes = [
			{ id: 0, parent: -1, name: "root", self: 0, total: 12, baseTotal: 13 },
			{ id: 1, parent: 0, name: "new", self: 10, total: 10, baseTotal: 0 },
			{ id: 2, parent: 0, name: "gone", self: 0, total: 0, baseSelf: 10, baseTotal: 10 },
			{ id: 3, parent: 0, name: "kept", self: 2, total: 2, baseSelf: 3, baseTotal: 3 },
		];
		const t = tree(0, nodes, { base: true });
		expect([...t.width]).toEqual([23, 10, 10, 3]);
		expect([...t.start]).toEqual([0, 0, 10, 20]);
	});
	it("keeps children inside their parent when values are below zero", () => {
		const nodes = [
			{ id: 0, parent: -1, name: "root", self: 0, total: 2 },
			{ id: 1, parent: 0, name: "grew", self: 10, total: 10 },
			{ id: 2, parent: 0, name: "freed", self: -8, total: -8 },
		];
		const t = tree(0, nodes);
		expect([...t.width]).toEqual([18, 10, 8]);
		expect(t.toneOf(1)).toBe("library");
		expect(tree().toneOf(1)).toBe("code");
	});
	it("finds the deepest node that covers a range", () => {
		const t = tree();
		expect(t.covering(5, 30)).toBe(3);
		expect(t.covering(5, 50)).toBe(1);
		expect(t.covering(50, 70)).toBe(0);
	});
	it("walks to neighbours as the arrow keys do", () => {
		const t = tree();
		expect(t.neighbour(0, "child")).toBe(1);
		expect(t.neighbour(1, "child")).toBe(3);
		expect(t.neighbour(3, "next")).toBe(4);
		expect(t.neighbour(4, "next")).toBe(-1);
		expect(t.neighbour(2, "previous")).toBe(1);
		expect(t.neighbour(3, "parent")).toBe(1);
		expect(t.neighbour(0, "parent")).toBe(-1);
		expect(t.path(4)).toEqual([0, 1, 4]);
	});
	it("sorts a row whose nodes come out of order", () => {
		const nodes = [
			{ id: 0, parent: -1, name: "root", self: 0, total: 4 },
			{ id: 1, parent: 0, name: "a", self: 0, total: 2 }, { id: 2, parent: 0, name: "b", self: 0, total: 2 },
			{ id: 3, parent: 2, name: "c", self: 2, total: 2 }, { id: 4, parent: 1, name: "d", self: 2, total: 2 },
		];
		const t = tree(0, nodes);
		expect([...t.rows[2]!]).toEqual([4, 3]);
		expect(t.at(2, 1)).toBe(4);
	});
	it("shows as rows what is open, parents before children", () => {
		const t = tree();
		expect(openRows(t, new Set())).toEqual([0]);
		expect(openRows(t, new Set([0]))).toEqual([0, 1, 2]);
		expect(openRows(t, new Set([0, 1]))).toEqual([0, 1, 3, 4, 2]);
		expect([...firstOpen(t)]).toEqual([0, 1, 3]);
	});
});
