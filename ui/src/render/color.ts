// Colours in OKLCH, where equal lightness looks equally light: hue says the package, lightness tells neighbours apart.

const cache = new Map<string, number>();

function channel(linear: number): number {
	const v = linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055;
	return Math.max(0, Math.min(255, Math.round(v * 255)));
}

/** 0xAABBGGRR of an OKLCH colour; h in degrees. */
export function oklch(l: number, c: number, h: number, alpha = 1): number {
	const a = c * Math.cos((h * Math.PI) / 180);
	const b = c * Math.sin((h * Math.PI) / 180);
	const l3 = (l + 0.3963377774 * a + 0.2158037573 * b) ** 3;
	const m3 = (l - 0.1055613458 * a - 0.0638541728 * b) ** 3;
	const s3 = (l - 0.0894841775 * a - 1.291485548 * b) ** 3;
	const red = channel(4.0767416621 * l3 - 3.3077115913 * m3 + 0.2309699292 * s3);
	const green = channel(-1.2684380046 * l3 + 2.6097574011 * m3 - 0.3413193965 * s3);
	const blue = channel(-0.0041960863 * l3 - 0.7034186147 * m3 + 1.707614701 * s3);
	return ((Math.round(alpha * 255) << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

export function hash(text: string): number {
	let h = 0x811c9dc5;
	for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
	h ^= h >>> 15;
	h = Math.imul(h, 0x2c1b3c6d);
	return (h ^ (h >>> 13)) >>> 0;
}

export interface Theme {
	dark: boolean;
	background: number;
	text: number;
	mutedText: number;
	accent: number;
	line: number;
}

export const light: Theme = {
	dark: false, background: 0xffffffff, text: oklch(0.22, 0.01, 250), mutedText: oklch(0.52, 0.01, 250),
	accent: oklch(0.52, 0.13, 235), line: oklch(0.9, 0.005, 250),
};
export const dark: Theme = {
	dark: true, background: oklch(0.195, 0.008, 250), text: oklch(0.95, 0.005, 250), mutedText: oklch(0.68, 0.01, 250),
	accent: oklch(0.76, 0.11, 230), line: oklch(0.3, 0.01, 250),
};

export type Tone = "code" | "library" | "runtime" | "kernel" | "native" | "label" | "rest";

/** 40..320: without the pinks and reds that read as alarm. */
function hue(pkg: string): number {
	return 40 + (hash(pkg) % 281);
}

/**
 * Colour of a frame: the package gives the hue, the name a small step of lightness. The program's own code and what it
 * imports is stronger than the standard library, the runtime is nearly grey.
 */
export function frameColor(theme: Theme, tone: Tone, pkg: string, name: string): number {
	const key = `${theme.dark ? "d" : "l"}${tone}\0${pkg}\0${name}`;
	let color = cache.get(key);
	if (color !== undefined) return color;
	const step = ((hash(name) & 7) - 3.5) / 7;
	const base = theme.dark ? 0.44 : 0.845;
	const l = base + step * (theme.dark ? 0.06 : 0.05);
	switch (tone) {
		case "code":
			color = oklch(l, theme.dark ? 0.068 : 0.088, hue(pkg));
			break;
		case "library":
			color = oklch(theme.dark ? l - 0.03 : l + 0.02, theme.dark ? 0.034 : 0.042, hue(pkg));
			break;
		case "runtime":
			color = oklch(theme.dark ? l - 0.06 : l + 0.03, 0.012, 250);
			break;
		case "kernel":
			color = oklch(l, theme.dark ? 0.05 : 0.045, 310);
			break;
		case "native":
			color = oklch(l, theme.dark ? 0.05 : 0.05, 20);
			break;
		case "label":
			color = oklch(theme.dark ? 0.36 : 0.9, theme.dark ? 0.06 : 0.06, 235);
			break;
		case "rest":
			color = oklch(theme.dark ? 0.27 : 0.94, 0.004, 250);
			break;
	}
	if (cache.size > 50_000) cache.clear();
	cache.set(key, color);
	return color;
}

/** Difference colours: orange for more, blue for less, grey for the same. `change` is in -1..1. */
export function diffColor(theme: Theme, change: number): number {
	const strength = Math.min(1, Math.abs(change)) ** 0.6;
	if (strength < 0.02) return theme.dark ? oklch(0.36, 0.004, 250) : oklch(0.91, 0.003, 250);
	const hue = change > 0 ? 58 : 245;
	return theme.dark
		? oklch(0.36 + 0.2 * strength, 0.125 * strength, hue)
		: oklch(0.93 - 0.17 * strength, 0.13 * strength, hue);
}

/** The same colour further away: for frames that a search did not find. */
export function fade(theme: Theme, color: number, keep: number): number {
	const mix = (shift: number) => {
		const from = (theme.background >>> shift) & 255;
		const to = (color >>> shift) & 255;
		return Math.round(from + (to - from) * keep) << shift;
	};
	return ((color & 0xff000000) | mix(16) | mix(8) | mix(0)) >>> 0;
}
