// How wide a text is in the pictures' font; remembered, because a picture asks for thousands.

import { font } from "./draw";

const context = typeof document === "undefined" ? null : document.createElement("canvas").getContext("2d");
const widths = new Map<string, number>();
const most = 60_000;

export function measureText(text: string): number {
	let w = widths.get(text);
	if (w === undefined) {
		if (!context) return text.length * 6;
		context.font = font;
		w = context.measureText(text).width;
		if (widths.size > most) widths.clear();
		widths.set(text, w);
	}
	return w;
}
