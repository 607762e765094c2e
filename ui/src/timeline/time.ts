// Moments and lengths of a trace as text, and round steps for its axis.

const units: [string, number][] = [["s", 1e9], ["ms", 1e6], ["µs", 1e3], ["ns", 1]];

/** Length with three figures. */
export function formatLength(ns: number): string {
	const a = Math.abs(ns);
	const [name, factor] = units.find(([, f]) => a >= f * 0.9995) ?? units[3]!;
	const v = ns / factor;
	const text = name === "ns" ? v.toFixed(0) : Math.abs(v) >= 100 ? v.toFixed(0) : Math.abs(v) >= 10 ? v.toFixed(1) : v.toFixed(2);
	return `${text} ${name}`;
}

/** A moment, exact enough to tell it from another `step` away. */
export function formatMoment(ns: number, step: number): string {
	const [name, factor] = ns === 0 ? units[1]! : units.find(([, f]) => Math.max(Math.abs(ns), step) >= f * 0.9995) ?? units[3]!;
	const digits = Math.max(0, Math.min(9, Math.ceil(-Math.log10(step / factor) - 1e-9)));
	return `${(ns / factor).toFixed(digits)} ${name}`;
}

/** 1, 2 or 5 times a power of ten, at least `least`. */
export function roundStep(least: number): number {
	const power = 10 ** Math.floor(Math.log10(Math.max(1, least)));
	for (const f of [1, 2, 5]) if (f * power >= least) return f * power;
	return 10 * power;
}

/** "12-345" in the URL, in nanoseconds; null for anything else. */
export function parseRange(text: string, duration: number): [number, number] | null {
	const m = /^(\d{1,16})-(\d{1,16})$/.exec(text);
	if (!m) return null;
	const from = Number(m[1]);
	const to = Math.min(Number(m[2]), duration);
	return from < to ? [from, to] : null;
}

export function formatRange(from: number, to: number): string {
	return `${Math.max(0, Math.floor(from))}-${Math.ceil(to)}`;
}

/** The argument "time" of operations on a trace. */
export function timeArgument(range: string): string {
	const m = /^(\d{1,16})-(\d{1,16})$/.exec(range);
	return m ? `${m[1]}ns..${m[2]}ns` : "";
}
