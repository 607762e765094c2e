// What is in sight of something wide, on its way to another part of it: eased, or at once for people who want no motion.

export interface Sight { from: number; to: number }

export const moveMs = 135;

const wantsCalm = typeof matchMedia !== "undefined" && matchMedia("(prefers-reduced-motion: reduce)").matches;

export class Motion {
	private way: { from: number; to: number; at: number; startFrom: number; startTo: number } | null = null;

	/** `sight` is moved in place; `arrived` is told each time that it has come to rest. */
	constructor(private readonly sight: Sight, private readonly arrived: () => void, private readonly calm = wantsCalm) {}

	/** Where it is going, or is. */
	get goal(): Sight {
		return this.way ?? this.sight;
	}

	get moving(): boolean {
		return this.way !== null;
	}

	go(from: number, to: number, animate: boolean, now = performance.now()): void {
		if (animate && !this.calm) {
			this.way = { from, to, at: now, startFrom: this.sight.from, startTo: this.sight.to };
			return;
		}
		this.way = null;
		this.sight.from = from;
		this.sight.to = to;
		this.arrived();
	}

	/** Stays where it is. */
	stop(): void {
		this.way = null;
	}

	/** Once per frame; true while it wants another. */
	step(now: number): boolean {
		const w = this.way;
		if (!w) return false;
		const t = Math.min(1, (now - w.at) / moveMs);
		if (t < 1) {
			const ease = 1 - (1 - t) ** 3;
			this.sight.from = w.startFrom + (w.from - w.startFrom) * ease;
			this.sight.to = w.startTo + (w.to - w.startTo) * ease;
			return true;
		}
		this.way = null;
		this.sight.from = w.from;
		this.sight.to = w.to;
		this.arrived();
		return false;
	}
}
