import { describe, expect, it } from "vitest";
import type { HeapMap, HeapTopology, MapBox, RefNode } from "../src/api/heap";
import { heapPackage, heapSpellings, isType, kindOf } from "../src/heap/ask";
import { boxOrder } from "../src/heap/map";
import { pathOf, step } from "../src/heap/refs";
import { boxAt, neighbour, paintMap, type MapMarks } from "../src/heap/treemap";
import { dark, light } from "../src/render/color";
import { Picture } from "../src/render/draw";
import { changeRoute, defaults, formatRoute, parseRoute } from "../src/state/route";

const box = (id: number, parent: number, depth: number, x: number, y: number, w: number, h: number, more: Partial<MapBox> = {}): MapBox => ({
	id, parent, depth, x, y, w, h, name: `main.t${id}`, children: 0, bytes: w * h, own_bytes: 0, head: false, open: false, ...more,
});

const map: HeapMap = {
	by: "name", of_bytes: 10_000, width: 100, height: 100, n_crumbs: 1, crumbs: [{ id: 0, name: "heap", bytes: 10_000 }],
	boxes: [
		box(0, 0, 0, 0, 0, 100, 100, { name: "heap", open: true, head: true, children: 2 }),
		box(1, 0, 1, 2, 18, 60, 80, { name: "var main.cache", open: true, head: true, children: 2 }),
		box(2, 0, 1, 62, 18, 36, 80),
		box(3, 1, 2, 4, 36, 56, 30),
		box(4, 1, 2, 4, 66, 56, 30),
	],
};
const marks: MapMarks = { selected: -1, hovered: -1, found: null };
const sixPixels = (s: string) => s.length * 6;

function paint(more: Partial<MapMarks> = {}, theme = light): Picture {
	const p = new Picture();
	p.clear(theme.background);
	paintMap(p, map, { ...marks, ...more }, 1000, 500, theme, sixPixels, (n) => `${n} B`);
	return p;
}

describe("treemap", () => {
	it("stretches the engine's boxes to the canvas", () => {
		const p = paint();
		expect(p.rects.count).toBe(5);
		expect([...p.rects.box.slice(4, 8)]).toEqual([20, 90, 599, 399]);
		expect(p.texts.map((t) => t.text)).toContain("var main.cache");
		expect(p.texts.find((t) => t.text === "main.t3")).toBeDefined();
		expect(p.texts.find((t) => t.text === `${56 * 30} B`)).toBeDefined();
	});
	it("marks what is selected and fades what a search did not find", () => {
		expect(paint({ selected: 1 }).marks.count).toBe(4);
		const plain = paint();
		const faded = paint({ found: (n) => n === "main.t3" });
		expect(faded.rects.count).toBe(plain.rects.count + 1);
		expect(faded.rects.color[4]).not.toBe(plain.rects.color[4]);
		expect(paint({}, dark).rects.color[2]).not.toBe(plain.rects.color[2]);
	});
	it("finds the innermost box", () => {
		expect(boxAt(map, 10, 40)).toBe(3);
		expect(boxAt(map, 10, 20)).toBe(1);
		expect(boxAt(map, 1, 1)).toBe(0);
		expect(boxAt(map, 200, 1)).toBe(-1);
	});
	it("walks beside, into and out of boxes", () => {
		expect(neighbour(map, 1, "right")).toBe(2);
		expect(neighbour(map, 2, "left")).toBe(1);
		expect(neighbour(map, 3, "down")).toBe(4);
		expect(neighbour(map, 4, "down")).toBe(-1);
		expect(neighbour(map, 0, "in")).toBe(1);
		expect(neighbour(map, 3, "out")).toBe(1);
		expect(neighbour(map, 0, "out")).toBe(-1);
		expect(neighbour(map, -1, "right")).toBe(0);
	});
	it("has a tree of the same boxes", () => expect(boxOrder(map.boxes)).toEqual([0, 1, 3, 4, 2]));
});

describe("references", () => {
	const node = (id: number, layer: number, y: number, more: Partial<RefNode> = {}): RefNode => ({
		id, layer, y, x: layer * 100, kind: "object", name: `t${id}`, own_bytes: 1, in: 0, out: 0, in_shown: 0, out_shown: 0, is_focus: false, is_open: false, is_on_path: false, cycle: 0, ...more,
	});
	const edge = (from: number, to: number, is_back = false) => ({ from, to, count: 1, is_back, in_cycle: is_back, points: [0, 0, 1, 1] });
	const t: HeapTopology = {
		by: "object", width: 300, height: 100, node_width: 80, node_height: 30, cycles: 0, is_cut: false,
		nodes: [node(0, 0, 0), node(1, 1, 0, { is_focus: true }), node(2, 1, 50), node(3, 2, 0)], edges: [edge(0, 1), edge(0, 2), edge(1, 3), edge(3, 0, true)],
	};
	it("walks along pointers and layers", () => {
		expect(step(t, -1, "ArrowRight")).toBe(1);
		expect(step(t, 0, "ArrowRight")).toBe(1);
		expect(step(t, 1, "ArrowRight")).toBe(3);
		expect(step(t, 3, "ArrowLeft")).toBe(1);
		expect(step(t, 1, "ArrowDown")).toBe(2);
		expect(step(t, 2, "ArrowUp")).toBe(1);
		expect(step(t, 3, "ArrowDown")).toBe(-1);
		expect(step(t, 3, "ArrowRight")).toBe(0); // round the cycle
	});
	it("draws edges as curves and loops as corners", () => {
		expect(pathOf([0, 0, 10, 20])).toBe("M0 0C5 0 5 20 10 20");
		expect(pathOf([5, 1, 9, 1, 9, 3, 5, 3])).toBe("M5 1L9 1L9 3L5 3");
	});
});

describe("names of a heap", () => {
	it("keeps the kind as long as it fits", () => {
		expect(heapSpellings("var example.com/shop/cart.all")).toEqual(["var example.com/shop/cart.all", "var cart.all", "var all", "cart.all", "all"]);
		expect(heapSpellings("[]uint8")).toEqual(["[]uint8"]);
		expect(heapSpellings("[]*example.com/shop/cart.Item")).toEqual(["[]*cart.Item", "[]*Item"]);
		expect(heapSpellings('[]*main.box[struct { X int "</script>" }]')).toEqual(["[]*main.box[…]", "[]*box"]);
		expect(heapSpellings("evil\u202etype")).toEqual(["evil\\u202etype"]);
		expect(kindOf("frame main.f")).toBe("frame");
		expect(isType("main.node")).toBe(true);
		expect(isType("held by several")).toBe(false);
	});
	it("knows the package behind brackets", () => {
		expect(heapPackage("[]*example.com/shop/cart.Item")).toBe("example.com/shop/cart");
		expect(heapPackage("goroutine main.worker")).toBe("main");
		expect(heapPackage("map[string]int")).toBe("");
		expect(heapPackage("[]uint8")).toBe("");
	});
});

describe("the selection in a heap", () => {
	it("is in the address", () => {
		const r = parseRoute("#/refs?doc=2&around=0xc000&more=0xc010&more=7&obj=0xc020&hby=object&map=12&box=3");
		expect([r.around, r.opened, r.object, r.heapBy, r.mapRoot, r.box]).toEqual(["0xc000", ["0xc010", "7"], "0xc020", "object", "12", 3]);
		expect(parseRoute(formatRoute(r))).toEqual(r);
		expect(parseRoute("#/treemap?hby=nonsense").heapBy).toBe("name");
	});
	it("is one thing, and of one document", () => {
		const r = { ...defaults, doc: 1, object: "0xc000", around: "0xc000", mapRoot: "4" };
		expect(changeRoute(r, { fn: "main.node" }).object).toBe("");
		expect(changeRoute(r, { fn: "main.node", object: "0xc008" }).object).toBe("0xc008");
		const other = changeRoute(r, { doc: 2 });
		expect([other.object, other.around, other.mapRoot]).toEqual(["", "", ""]);
	});
});
