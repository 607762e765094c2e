// Where the curves of mutator utilization lie on a piece of screen: window lengths on a logarithmic axis, shares from none to all.

import type { MmuAnswer } from "../api/types";

/** The curves from the lowest up: the least of all windows, then what ever smaller shares of them do not reach. */
export interface MmuLine { title: string; values: number[] }

/** "99.9 %" for the share 0.001 of the windows that have less. */
export function shareTitle(below: number): string {
	return `${Number(((1 - below) * 100).toFixed(4))} %`;
}

export function linesOf(a: MmuAnswer): MmuLine[] {
	const least = a.curve.map((p) => p.utilization);
	// A distribution is told to a four-thousandth: it never lies below the least, which is exact.
	return [
		{ title: "least", values: least },
		...a.shares.map((share, k) => ({ title: shareTitle(share), values: a.curve.map((p, i) => Math.max(p.distribution[k] ?? 0, least[i]!)) })),
	];
}

export class MmuPlot {
	static readonly left = 54;
	static readonly right = 16;
	static readonly top = 12;
	static readonly bottom = 26;
	private readonly from: number;
	private readonly decades: number;

	constructor(readonly windows: number[], readonly width: number, readonly height: number) {
		this.from = Math.log10(windows[0] ?? 1000);
		this.decades = Math.max(0.1, Math.log10(windows[windows.length - 1] ?? 1000) - this.from);
	}

	x(windowNs: number): number {
		return MmuPlot.left + ((Math.log10(windowNs) - this.from) / this.decades) * (this.width - MmuPlot.left - MmuPlot.right);
	}

	y(share: number): number {
		return MmuPlot.top + (1 - share) * (this.height - MmuPlot.top - MmuPlot.bottom);
	}

	/** The point of the curves that is nearest to a place on screen. */
	indexAt(x: number): number {
		let best = -1;
		this.windows.forEach((w, i) => {
			if (best < 0 || Math.abs(this.x(w) - x) < Math.abs(this.x(this.windows[best]!) - x)) best = i;
		});
		return best;
	}

	/** The point whose window is nearest to a length, in proportion. */
	indexOf(windowNs: number): number {
		return windowNs > 0 && this.windows.length ? this.indexAt(this.x(windowNs)) : -1;
	}

	path(values: number[]): string {
		return values.map((v, i) => `${i ? "L" : "M"}${this.x(this.windows[i]!).toFixed(1)} ${this.y(v).toFixed(1)}`).join("");
	}

	/** What lies below a line. */
	area(values: number[]): string {
		if (values.length === 0) return "";
		const ground = this.y(0).toFixed(1);
		return `${this.path(values)}L${this.x(this.windows[values.length - 1]!).toFixed(1)} ${ground}L${this.x(this.windows[0]!).toFixed(1)} ${ground}Z`;
	}

	/** Powers of ten, in nanoseconds. */
	get ticks(): number[] {
		const out = [];
		for (let d = Math.ceil(this.from - 1e-9); d <= this.from + this.decades + 1e-9; d++) out.push(10 ** d);
		return out;
	}
}
