// Where the values of a series lie on a piece of screen, and the slopes in words.

import type { TrendRow } from "../api/types";
import { formatDelta, formatDuration } from "../lib/format";

export interface Box { left: number; top: number; width: number; height: number }

/** Round numbers from 0 or `low` to `high`, about `count` of them. */
export function ticks(low: number, high: number, count: number, base: 2 | 10 | 60): number[] {
	const span = high - low;
	if (!(span > 0) || count < 1) return [];
	const rough = span / count;
	let step: number;
	if (base === 60) step = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400].find((s) => s >= rough) ?? Math.ceil(rough / 86400) * 86400;
	else if (base === 2) step = 2 ** Math.ceil(Math.log2(rough));
	else {
		const ten = 10 ** Math.floor(Math.log10(rough));
		step = (ten >= 10 ? [1, 2, 2.5, 5, 10] : [1, 2, 5, 10]).map((f) => f * ten).find((s) => s >= rough)!;
	}
	const out = [];
	for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) out.push(k * step || 0);
	return out;
}

export class TrendPlot {
	readonly low: number;
	readonly high: number;
	private readonly from: number;
	private readonly span: number;

	constructor(readonly at: number[], readonly row: Pick<TrendRow, "values" | "level" | "slope_per_s" | "low_per_s" | "high_per_s">, readonly box: Box) {
		this.from = at[0] ?? 0;
		this.span = (at[at.length - 1] ?? 0) - this.from || 1;
		const least = Math.min(...row.values), ends = this.through(row.slope_per_s);
		const high = Math.max(...row.values, ...ends);
		// As in the terminal: what hardly changes looks as if it hardly changes. A line through what was never less than nothing ends there.
		const low = Math.min(least, high - Math.abs(high) / 2, ...ends);
		this.low = least >= 0 ? Math.max(0, low) : low;
		this.high = high > this.low ? high : this.low + 1;
	}

	x(seconds: number): number {
		return this.box.left + ((seconds - this.from) / this.span) * this.box.width;
	}

	y(value: number): number {
		return this.box.top + (1 - (value - this.low) / (this.high - this.low)) * this.box.height;
	}

	path(): string {
		return this.row.values.map((v, i) => `${i ? "L" : "M"}${this.x(this.at[i]!).toFixed(1)} ${this.y(v).toFixed(1)}`).join("");
	}

	/** What a slope makes of the middle of the line, over all of the time. */
	private through(slope: number): [number, number] {
		const middle = this.row.level + (this.row.slope_per_s * this.span) / 2;
		return [middle - (slope * this.span) / 2, middle + (slope * this.span) / 2];
	}

	line(): string {
		const [a, b] = this.through(this.row.slope_per_s);
		return `M${this.box.left} ${this.y(a).toFixed(1)}L${this.box.left + this.box.width} ${this.y(b).toFixed(1)}`;
	}

	/** The slopes of the confidence interval, as two triangles; "" where nobody knows. */
	wedge(): string {
		const { low_per_s: low, high_per_s: high } = this.row;
		if (low === null || high === null) return "";
		const [a, b] = this.through(low);
		const [c, d] = this.through(high);
		const left = this.box.left, right = left + this.box.width;
		return `M${left} ${this.y(a).toFixed(1)}L${right} ${this.y(b).toFixed(1)}L${right} ${this.y(d).toFixed(1)}L${left} ${this.y(c).toFixed(1)}Z`;
	}

	/** The moment nearest to a place on screen. */
	indexAt(x: number): number {
		let best = 0;
		this.at.forEach((s, i) => {
			if (Math.abs(this.x(s) - x) < Math.abs(this.x(this.at[best]!) - x)) best = i;
		});
		return best;
	}
}

/** "32 MB" for "32.0 MB" */
export function tickValue(text: string): string {
	return text.replace(/\.0+(?= |\/|$)/, "");
}

export function tickTime(seconds: number): string {
	return seconds < 60 ? `${seconds} s` : seconds < 86400 ? formatDuration(seconds * 1e9) : `${Number((seconds / 86400).toFixed(2))} d`;
}

export interface Pace { name: string; seconds: number }
const paces: Pace[] = [{ name: "s", seconds: 1 }, { name: "min", seconds: 60 }, { name: "h", seconds: 3600 }, { name: "day", seconds: 86400 }];

/** The shortest while in which the steepest row gains something that reads well. */
export function paceOf(rows: TrendRow[], unit: string): Pace {
	const most = rows.reduce((m, r) => Math.max(m, Math.abs(r.slope_per_s)), 0);
	const well = unit === "count" ? 1 : 1024;
	return paces.find((p) => most * p.seconds >= well) ?? paces[3]!;
}

/** "+2.1 MB" for a slope per second; "?" where nobody knows. */
export function formatSlope(slope: number | null, pace: Pace, unit: string, want: string): string {
	return slope === null ? "?" : formatDelta(Math.round(slope * pace.seconds) || 0, unit, want);
}

/** When there will be twice as much, and a gigabyte more. */
export function projection(row: TrendRow): string {
	if (row.verdict !== "growing") return "";
	const parts = [];
	if (row.gib_in_s !== null) parts.push(`1 GB more in ${howLong(row.gib_in_s)}`);
	if (row.doubles_in_s !== null) parts.push(`twice as much in ${howLong(row.doubles_in_s)}`);
	return parts.length ? `At this rate ${parts.join(", ")}${row.slowing ? "; but it is slowing down" : ""}.` : "";
}

function howLong(seconds: number): string {
	if (seconds > 1e12) return "an eternity";
	if (seconds >= 2 * 31536000) return `${Math.round(seconds / 31536000)} years`;
	if (seconds >= 2 * 86400) return `${Math.round(seconds / 86400)} days`;
	return formatDuration(Math.max(1, Math.round(seconds)) * 1e9);
}
