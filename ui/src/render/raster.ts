// Rectangles straight into pixels. A call of the canvas for each costs half a microsecond whatever its size; a picture of twenty-five
// thousand narrow ones is faster written by hand.

import type { RectList } from "./draw";

/** from this many on it is the faster way */
export const manyRects = 2000;

/** `over` on `under`, `a` of 256 parts of it. */
function blend(under: number, over: number, a: number): number {
	const b = 256 - a;
	const rb = (((over & 0xff00ff) * a + (under & 0xff00ff) * b) >>> 8) & 0xff00ff;
	const g = (((over & 0xff00) * a + (under & 0xff00) * b) >>> 8) & 0xff00;
	return (0xff000000 | rb | g) >>> 0;
}

/** A column of pixels, from `at` on, `rows` of them. */
function column(pixels: Uint32Array, at: number, rows: number, width: number, value: number, a: number): void {
	if (a <= 4) return;
	for (let i = 0; i < rows; i++, at += width) pixels[at] = blend(pixels[at]!, value, a);
}

/** Rows [y, end) of a rectangle, each with `share` of its height in the picture. */
function rows(pixels: Uint32Array, width: number, y: number, end: number, x0: number, x1: number, value: number, share: number): void {
	const n = end - y;
	const first = Math.floor(x0), last = Math.ceil(x1) - 1;
	const at = y * width;
	const most = Math.round(((value >>> 24) * 256 * share) / 255);
	if (first === last) {
		column(pixels, at + first, n, width, value, Math.round(most * (x1 - x0)));
		return;
	}
	const left = x0 > first ? first + 1 : first, right = x1 < last + 1 ? last : last + 1;
	if (left > first) column(pixels, at + first, n, width, value, Math.round(most * (left - x0)));
	if (right <= last) column(pixels, at + last, n, width, value, Math.round(most * (x1 - right)));
	if (most < 252) for (let x = left; x < right; x++) column(pixels, at + x, n, width, value, most);
	else if (right - left > 24) for (let row = at, i = 0; i < n; i++, row += width) pixels.fill(value, row + left, row + right);
	else for (let row = at, i = 0; i < n; i++, row += width) for (let x = row + left, stop = row + right; x < stop; x++) pixels[x] = value;
}

/** Fills `pixels` (0xAABBGGRR, `width` of them a row) with the background and the rectangles, whose edges are smoothed as the canvas does. */
export function rasterize(pixels: Uint32Array, width: number, height: number, ratio: number, background: number, rects: RectList): void {
	pixels.fill(background);
	const { box, color, count } = rects;
	for (let i = 0, at = 0; i < count; i++, at += 4) {
		const x = box[at]! * ratio, y = box[at + 1]! * ratio;
		const x0 = Math.max(0, x), y0 = Math.max(0, y);
		const x1 = Math.min(width, x + box[at + 2]! * ratio), y1 = Math.min(height, y + box[at + 3]! * ratio);
		if (!(x1 > x0 && y1 > y0)) continue;
		const value = color[i]!;
		const top = Math.ceil(y0), bottom = Math.floor(y1);
		if (top > bottom) {
			rows(pixels, width, bottom, top, x0, x1, value, y1 - y0);
			continue;
		}
		if (y0 < top) rows(pixels, width, top - 1, top, x0, x1, value, top - y0);
		if (top < bottom) rows(pixels, width, top, bottom, x0, x1, value, 1);
		if (y1 > bottom) rows(pixels, width, bottom, bottom + 1, x0, x1, value, y1 - bottom);
	}
}
