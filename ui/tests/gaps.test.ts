import { describe, expect, it } from "vitest";
import type { TraceGap } from "../src/api/types";
import { light } from "../src/render/color";
import { Picture } from "../src/render/draw";
import { drawGaps, gapText, gutter, type Scene } from "../src/timeline/picture";

const gap: TraceGap = { start_ns: 250, end_ns: 500, first_generation: 3, last_generation: 3, from_at: 5740, until_at: 10674, lost_bytes: 4934, why: "a batch is cut short" };

/** One pixel is a nanosecond. */
function paint(gaps: TraceGap[], from = 0, to = 1000): Picture {
	const p = new Picture();
	p.clear(light.background);
	const scene = { view: { from, to, scroll: 0, width: gutter + 1000, height: 400 }, theme: light, measure: (text: string) => text.length * 6 } as Scene;
	drawGaps(p, scene, gaps, 20, 400);
	return p;
}

describe("gaps of a damaged trace", () => {
	it("says which generations and bytes are lost", () => {
		expect(gapText(gap)).toBe("lost: generation 3, bytes 5740 to 10674");
		expect(gapText({ ...gap, last_generation: 5 })).toBe("lost: generations 3 to 5, bytes 5740 to 10674");
		expect(gapText({ ...gap, first_generation: undefined, last_generation: undefined })).toBe("lost: bytes 5740 to 10674");
	});
	it("lie over all lanes for exactly their time", () => {
		const p = paint([gap]);
		expect([...p.marks.box.slice(0, 4)]).toEqual([gutter + 250, 20, 250, 380]);
		expect(p.texts.map((t) => t.text)).toEqual(["lost: generation 3, bytes 5740 to 10674"]);
	});
	it("are cut by what is in sight, and seen however short they are", () => {
		expect([...paint([gap], 300, 400).marks.box.slice(0, 4)]).toEqual([gutter, 20, 1000, 380]);
		expect(paint([gap], 500, 600).marks.count).toBe(0);
		const narrow = paint([{ ...gap, end_ns: 251 }], 0, 100000);
		expect(narrow.marks.box[2]).toBeGreaterThan(1);
		expect(narrow.texts).toEqual([]);
	});
});
