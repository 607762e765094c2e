import { describe, expect, it } from "vitest";
import { decodeFrames, NO_PARENT } from "../src/api/frames";
import { encode, small } from "./build";

describe("decodeFrames", () => {
	it("reads every column where docs/api.md puts it", () => {
		const f = decodeFrames(encode(small));
		expect(f.count).toBe(5);
		expect([...f.parent]).toEqual([NO_PARENT, 0, 0, 1, 1]);
		expect([...f.total]).toEqual([100, 60, 30, 40, 20]);
		expect([...f.self]).toEqual([10, 0, 30, 40, 20]);
		expect(f.info.names[f.name[3]!]!.name).toBe("net/http.(*Server).Serve");
		expect(f.baseTotal).toBeNull();
		expect(f.samples).toBeNull();
	});
	it("reads base and sample columns when the flags say so", () => {
		const nodes = small.map((s, i) => ({ ...s, baseTotal: i * 2, samples: i + 7 }));
		const f = decodeFrames(encode(nodes, { base: true, samples: true }));
		expect([...f.baseTotal!]).toEqual([0, 2, 4, 6, 8]);
		expect([...f.samples!]).toEqual([7, 8, 9, 10, 11]);
	});
	it("refuses what is cut off at any byte", () => {
		const whole = encode(small, { samples: true });
		for (let n = 0; n < whole.byteLength; n++) expect(() => decodeFrames(whole.slice(0, n))).toThrow();
	});
	it("refuses a child before its parent and a name that is not there", () => {
		const wrongParent = encode(small);
		const head = new DataView(wrongParent);
		const json = (head.getUint32(16, true) + 7) & ~7;
		head.setUint32(24 + json + 24 + 4, 3, true);
		expect(() => decodeFrames(wrongParent)).toThrow(/before its parent/);
		const wrongName = encode(small);
		new DataView(wrongName).setUint32(24 + json + 48, 99, true);
		expect(() => decodeFrames(wrongName)).toThrow(/no name/);
	});
	it("refuses other magic and versions", () => {
		const b = encode(small);
		new DataView(b).setUint32(4, 2, true);
		expect(() => decodeFrames(b)).toThrow(/version 2/);
		expect(() => decodeFrames(new ArrayBuffer(64))).toThrow(/GSF1/);
	});
	it("takes an answer without frames", () => {
		expect(decodeFrames(encode([])).count).toBe(0);
	});
});
