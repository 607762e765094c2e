import { describe, expect, it } from "vitest";
import { RectList } from "../src/render/draw";
import { rasterize } from "../src/render/raster";

const black = 0xff000000;
const white = 0xffffffff;

/** The picture of white rectangles on black: red of each pixel, row by row. */
function draw(width: number, height: number, boxes: number[][], ratio = 1, color = white): number[][] {
	const rects = new RectList();
	for (const [x, y, w, h] of boxes) rects.add(x!, y!, w!, h!, color);
	const pixels = new Uint32Array(width * height);
	rasterize(pixels, width, height, ratio, black, rects);
	// Shares are of 256: a rounding's worth is not looked at.
	const near = (v: number) => [0, 64, 128, 192, 255].find((k) => Math.abs(k - v) <= 2) ?? v;
	return Array.from({ length: height }, (_, y) => Array.from(pixels.subarray(y * width, (y + 1) * width), (p) => near(p & 255)));
}

describe("rectangles as pixels", () => {
	it("cover whole pixels wholly, and nothing else", () => {
		expect(draw(5, 3, [[1, 1, 3, 1]])).toEqual([[0, 0, 0, 0, 0], [0, 255, 255, 255, 0], [0, 0, 0, 0, 0]]);
		expect(draw(40, 1, [[2, 0, 30, 1]])[0]!.map((v) => v === 255)).toEqual(Array.from({ length: 40 }, (_, x) => x >= 2 && x < 32));
	});
	it("take their share of the pixels at their edges", () => {
		expect(draw(4, 1, [[0.5, 0, 2, 1]])).toEqual([[128, 255, 128, 0]]);
		expect(draw(3, 1, [[1.25, 0, 0.5, 1]])).toEqual([[0, 128, 0]]);
		expect(draw(3, 1, [[1, 0, 0.25, 1]])).toEqual([[0, 64, 0]]);
		expect(draw(3, 1, [[0.75, 0, 0.25, 1]])).toEqual([[64, 0, 0]]);
		expect(draw(1, 3, [[0, 0.5, 1, 2]])).toEqual([[128], [255], [128]]);
		expect(draw(2, 2, [[0.5, 0.5, 1, 1]])).toEqual([[64, 64], [64, 64]]);
	});
	it("end at the picture's edges", () => {
		expect(draw(3, 2, [[-5, -5, 6, 6]])).toEqual([[255, 0, 0], [0, 0, 0]]);
		expect(draw(3, 2, [[2, 1, 50, 50]])).toEqual([[0, 0, 0], [0, 0, 255]]);
		expect(draw(3, 1, [[3, 0, 5, 1], [-9, 0, 5, 1], [1, 0, 0, 1], [1, 0, -3, 1], [NaN, 0, 1, 1]])).toEqual([[0, 0, 0]]);
	});
	it("are laid over each other, and through a colour that lets some through", () => {
		expect(draw(3, 1, [[0, 0, 3, 1]], 1, 0x80ffffff)).toEqual([[128, 128, 128]]);
		expect(draw(2, 1, [[0, 0, 1, 1], [0, 0, 1, 1]], 1, 0x80ffffff)[0]![0]).toBe(192);
	});
	it("are larger on finer screens", () => {
		expect(draw(6, 2, [[1, 0, 1, 1]], 2)).toEqual([[0, 0, 255, 255, 0, 0], [0, 0, 255, 255, 0, 0]]);
	});
});
