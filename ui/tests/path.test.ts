import { expect, test } from "vitest";
import type { PathAnswer, PathStep } from "../src/api/types";
import { pathOf, pathUrl, sightWith, stepsToTell } from "../src/timeline/path";

const step = (start_ns: number, end_ns: number, more: Partial<PathStep> = {}): PathStep => ({ start_ns, end_ns, depth: 0, state: "running", reason: "", at: null, is_older: false, is_followed: false, ...more });
const answer = (steps: PathStep[]): PathAnswer => ({ name: "f", goroutine: 7, left_out: 2, start_ns: 0, end_ns: steps[steps.length - 1]!.end_ns, is_cut: false, total_ns: {}, others_ns: 0, steps });

test("a path in the link is a question; what is none is not asked", () => {
	expect(pathUrl(3, pathOf(42, 10.4, 20))).toBe("/api/critical-path?doc=3&goroutine=42&time=10ns..20ns&min=0ns");
	expect(pathUrl(3, "42:0-9000000")).toContain("&min=3000ns");
	for (const bad of ["", "42", "42:", "42:9-3", "x:1-2", "4&doc=9:1-2"]) expect(pathUrl(3, bad)).toBe(null);
});

test("what is too short to tell is counted; of too many the longest stay in their order", () => {
	const few = stepsToTell(answer([step(0, 500), step(500, 502), step(502, 1000)]));
	expect(few.told.map((s) => s.start_ns)).toEqual([0, 502]);
	expect(few.left).toBe(3);
	const many = stepsToTell(answer(Array.from({ length: 100 }, (_, i) => step(i * 1000, i * 1000 + 1000 - (i % 2)))));
	expect(many.told.length).toBe(60);
	expect(many.left).toBe(42);
	expect(many.told.map((s) => s.start_ns)).toEqual([...many.told.map((s) => s.start_ns)].sort((a, b) => a - b));
});

test("a moment out of sight moves it, and leaves its width", () => {
	expect(sightWith("", 500)).toBe("");
	expect(sightWith("100-200", 150)).toBe("100-200");
	expect(sightWith("100-200", 500)).toBe("450-550");
	expect(sightWith("100-200", 10)).toBe("0-100");
});
