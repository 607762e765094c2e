import { describe, expect, it } from "vitest";
import { decodeFrames } from "../src/api/frames";
import { depthAt, paintFlame, rowHeight, rowTop, uncertain, type Layer, type Marks } from "../src/flame/picture";
import { FlameTree } from "../src/flame/tree";
import { diffColor, light, dark } from "../src/render/color";
import { Picture } from "../src/render/draw";
import { encode, small, type Spec } from "./build";

const marks: Marks = { foundIn: () => null, sameIn: () => -1, selected: -1, hovered: -1, diff: false };
const sixPixels = (text: string) => text.length * 6;

function paint(t: FlameTree, more: Partial<{ from: number; to: number; scroll: number; up: boolean; marks: Marks; layer: Layer; width: number; height: number }> = {}): Picture {
	const p = new Picture();
	p.clear(light.background);
	const shape = { from: more.from ?? 0, to: more.to ?? t.fullWidth, scroll: more.scroll ?? 0, up: more.up ?? false };
	paintFlame(p, t, more.layer ?? null, shape, more.marks ?? marks, more.width ?? 1000, more.height ?? 400, light, sixPixels);
	return p;
}

function boxes(p: Picture): number[][] {
	const out: number[][] = [];
	for (let i = 0; i < p.rects.count; i++) out.push([...p.rects.box.slice(i * 4, i * 4 + 4)].map((v) => Math.round(v)));
	return out;
}

describe("paintFlame", () => {
	const t = new FlameTree(decodeFrames(encode(small)), 0);
	it("draws one box per frame, at its place, a pixel narrower than its share", () => {
		expect(boxes(paint(t))).toEqual([
			[0, 0, 999, 18], [0, 19, 599, 18], [600, 19, 299, 18], [0, 38, 399, 18], [400, 38, 199, 18],
		]);
	});
	it("writes the telling part of a name where the whole does not fit", () => {
		const at = (width: number) => paint(t, { width }).texts.find((x) => Math.round(x.y) === Math.round(2 * rowHeight + rowHeight / 2 - 0.5))?.text;
		expect(at(1000)).toBe("http.(*Server).Serve");
		expect(at(300)).toBe("(*Server).Serve");
		expect(at(120)).toBe("Serve");
		expect(at(40)).toBeUndefined();
	});
	it("leaves out what is outside the viewport", () => {
		const p = paint(t, { from: 60, to: 90 });
		expect(boxes(p)).toEqual([[-1, 0, 1001, 18], [0, 19, 999, 18]]);
		expect(boxes(paint(t, { scroll: 40, height: 10 })).every(([, y]) => y! > -40)).toBe(true);
	});
	it("turns upside down", () => {
		expect(boxes(paint(t, { up: true }))[0]![1]).toBe(400 - rowHeight);
		const shape = { from: 0, to: 1, scroll: 0, up: true };
		expect(depthAt(rowTop(3, shape, 400) + 5, shape, 400)).toBe(3);
		expect(depthAt(rowTop(3, { ...shape, up: false }, 400) + 5, { ...shape, up: false }, 400)).toBe(3);
	});
	it("joins slivers: a row costs at most two boxes per pixel however many frames it has", () => {
		const nodes: Spec[] = [{ id: 0, parent: -1, name: "root", self: 0, total: 50_000 }];
		for (let i = 1; i <= 50_000; i++) nodes.push({ id: i, parent: 0, name: `f${i % 97}`, self: 1, total: 1 });
		const p = paint(new FlameTree(decodeFrames(encode(nodes)), 0));
		expect(p.rects.count).toBeGreaterThan(500);
		expect(p.rects.count).toBeLessThan(2 * 1000 + 1);
		expect(p.texts.length).toBe(1);
	});
	it("fades what a search did not find and underlines what it found", () => {
		const found = Uint8Array.from(t.frames.info.names, (n) => (n.name === "main.b" ? 1 : 0));
		const plain = paint(t);
		const p = paint(t, { marks: { ...marks, foundIn: () => found } });
		expect(p.rects.count).toBe(6);
		expect(p.rects.color[2]).toBe(plain.rects.color[2]);
		expect(p.rects.color[3]).toBe(light.accent);
		expect(p.rects.color[0]).not.toBe(plain.rects.color[0]);
	});
	it("outlines the selected frame", () => {
		expect(paint(t, { marks: { ...marks, selected: 4 } }).rects.count).toBe(5 + 4);
	});
	it("draws a finer layer exactly where the coarse frame lies", () => {
		const fine: Spec[] = [
			{ id: 0, parent: -1, name: "root", self: 0, total: 100 }, { id: 1, parent: 0, name: "main.a", self: 0, total: 60 },
			{ id: 3, parent: 1, name: "x", self: 10, total: 40 }, { id: 4, parent: 1, name: "y", self: 20, total: 20 }, { id: 9, parent: 2, name: "z", self: 30, total: 30 },
		];
		const ft = new FlameTree(decodeFrames(encode(fine)), 1);
		const layer: Layer = { tree: ft, top: 1, start: 0, depth: 1, width: 60 };
		const p = paint(t, { from: 0, to: 60, layer, width: 600 });
		expect(boxes(p)).toEqual([[0, 0, 600, 18], [0, 19, 599, 18], [0, 38, 399, 18], [400, 38, 199, 18], [0, 57, 299, 18]]);
	});
	it("holds back the colour of a difference that chance explains", () => {
		const nodes: Spec[] = [
			{ id: 0, parent: -1, name: "root", self: 0, total: 1000, baseTotal: 1000, samples: 1000 },
			{ id: 1, parent: 0, name: "few", self: 5, total: 5, baseSelf: 3, baseTotal: 3, samples: 5 },
			{ id: 2, parent: 0, name: "many", self: 500, total: 500, baseSelf: 300, baseTotal: 300, samples: 500 },
			{ id: 3, parent: 0, name: "gone", self: 0, total: 0, baseSelf: 40, baseTotal: 40, samples: 0 },
		];
		const d = decodeFrames(encode(nodes, { base: true, samples: true }));
		d.info.base_total = 1000;
		d.info.samples = 1000;
		const dt = new FlameTree(d, 0);
		expect([1, 2, 3].map((i) => uncertain(dt, i))).toEqual([true, false, false]);
		expect(uncertain(t, 1)).toBe(false);
	});
	it("colours differences blue and orange, never by red against green", () => {
		for (const theme of [light, dark]) {
			const rgb = (c: number) => [c & 255, (c >>> 8) & 255, (c >>> 16) & 255] as const;
			const [mr, , mb] = rgb(diffColor(theme, 0.8));
			const [lr, , lb] = rgb(diffColor(theme, -0.8));
			expect(mr).toBeGreaterThan(mb);
			expect(lb).toBeGreaterThan(lr);
			const [sr, sg, sb] = rgb(diffColor(theme, 0));
			expect(Math.max(sr, sg, sb) - Math.min(sr, sg, sb)).toBeLessThan(8);
		}
	});
});
