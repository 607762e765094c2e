import { expect, test } from "vitest";
import { Motion, moveMs, type Sight } from "../src/render/motion";

function made(calm = false) {
	const sight: Sight = { from: 0, to: 100 };
	const rests: Sight[] = [];
	return { sight, rests, motion: new Motion(sight, () => rests.push({ ...sight }), calm) };
}

test("a movement eases to its goal, says once that it has arrived, and knows the goal meanwhile", () => {
	const { sight, rests, motion } = made();
	motion.go(40, 60, true, 1000);
	expect(motion.goal).toMatchObject({ from: 40, to: 60 });
	expect(motion.step(1000 + moveMs / 2)).toBe(true);
	expect(sight.from).toBeGreaterThan(20);
	expect(sight.from).toBeLessThan(40);
	expect(rests).toEqual([]);
	expect(motion.step(1000 + moveMs)).toBe(false);
	expect(motion.step(1000 + 2 * moveMs)).toBe(false);
	expect(rests).toEqual([{ from: 40, to: 60 }]);
	expect(motion.goal).toBe(sight);
});

test("a new goal starts from where the old movement is; one that is stopped stays there", () => {
	const { sight, rests, motion } = made();
	motion.go(0, 50, true, 0);
	motion.step(moveMs / 2);
	const on = sight.to;
	motion.go(0, 100, true, moveMs / 2);
	motion.step(moveMs / 2);
	expect(sight.to).toBeCloseTo(on);
	motion.stop();
	expect(motion.moving).toBe(false);
	expect(motion.step(10 * moveMs)).toBe(false);
	expect(sight.to).toBeCloseTo(on);
	expect(rests).toEqual([]);
});

test("without easing, and for people who want no motion, it is there at once", () => {
	for (const [calm, animate] of [[false, false], [true, true]] as const) {
		const { motion, rests } = made(calm);
		motion.go(10, 20, animate, 0);
		expect(rests).toEqual([{ from: 10, to: 20 }]);
		expect(motion.step(moveMs)).toBe(false);
	}
});
