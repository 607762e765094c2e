// The flame graph as a picture: which rectangles and names a tree makes on a given piece of screen. No canvas, no events.

import { diffColor, fade, frameColor, type Theme } from "../render/color";
import type { Picture } from "../render/draw";
import { fitName } from "../lib/names";
import type { FlameTree } from "./tree";

export const rowHeight = 19;
const gap = 1;
const textPadding = 4;
const smallestText = 22;
const smallestBox = 0.5;

export interface Shape {
	/** visible part of the tree's width, in value units */
	from: number;
	to: number;
	/** pixels scrolled away from the root */
	scroll: number;
	/** root at the bottom, flames upwards */
	up: boolean;
}

export interface Marks {
	/** one entry per name of a tree: 1 when the search found it; null without a search */
	foundIn(tree: FlameTree): Uint8Array | null;
	/** name index of the selected function in a tree: its other occurrences are underlined; -1 for none */
	sameIn(tree: FlameTree): number;
	/** node ids, -1 for none */
	selected: number;
	hovered: number;
	diff: boolean;
}

/** A finer tree for the subtree of one node of the coarse one. */
export interface Layer {
	tree: FlameTree;
	/** node of `tree` that the layer stands for */
	top: number;
	/** place of that node on the coarse tree's width */
	start: number;
	/** depth in the coarse tree */
	depth: number;
	/** width of that node on the coarse tree */
	width: number;
}

export type Measure = (text: string) => number;

export function rowTop(depth: number, shape: Shape, height: number): number {
	return shape.up ? height - (depth + 1) * rowHeight + shape.scroll : depth * rowHeight - shape.scroll;
}

export function depthAt(y: number, shape: Shape, height: number): number {
	return Math.floor((shape.up ? height - 1 - y + shape.scroll : y + shape.scroll) / rowHeight);
}

/** How a layer's own places map to the coarse tree's. */
export function layerPlace(layer: Layer, place: number): number {
	const t = layer.tree;
	return layer.start + ((place - t.start[layer.top]!) * layer.width) / (t.width[layer.top]! || 1);
}

interface RowSource { tree: FlameTree; row: Uint32Array; layer: Layer | null }

export function rowsOf(tree: FlameTree, layer: Layer | null): { count: number; at(depth: number): RowSource | null } {
	if (!layer)
		return { count: tree.maxDepth, at: (d) => (tree.rows[d] ? { tree, row: tree.rows[d]!, layer: null } : null) };
	const topDepth = layer.tree.depth[layer.top]!;
	const below = layer.tree.maxDepth - topDepth;
	return {
		count: layer.depth + below,
		at: (d) => {
			if (d < layer.depth) return tree.rows[d] ? { tree, row: tree.rows[d]!, layer: null } : null;
			const row = layer.tree.rows[d - layer.depth + topDepth];
			return row ? { tree: layer.tree, row, layer } : null;
		},
	};
}

/**
 * Fills `picture` with the frames of `tree` (and of `layer` below its node) for a viewport of width x height.
 * Boxes narrower than half a pixel are joined with their neighbours, so a row costs at most two boxes per pixel.
 */
export function paintFlame(
	picture: Picture, tree: FlameTree, layer: Layer | null, shape: Shape, marks: Marks,
	width: number, height: number, theme: Theme, measure: Measure,
): void {
	const span = shape.to - shape.from;
	if (!(span > 0) || tree.count === 0) return;
	const scale = width / span;
	const rows = rowsOf(tree, layer);
	const restColor = frameColor(theme, "rest", "", "");
	const firstRow = Math.max(0, Math.floor((shape.scroll - rowHeight) / rowHeight));
	const lastRow = Math.min(rows.count - 1, Math.ceil((shape.scroll + height) / rowHeight));

	for (let depth = firstRow; depth <= lastRow; depth++) {
		const source = rows.at(depth);
		if (!source) continue;
		const { tree: t, row } = source;
		const ratio = source.layer ? source.layer.width / (t.width[source.layer.top]! || 1) : 1;
		const shift = source.layer ? source.layer.start - t.start[source.layer.top]! * ratio : 0;
		const y = rowTop(depth, shape, height);
		const dim = depth < t.depth[t.focus]! && !source.layer ? 0.55 : 1;
		const foundNames = marks.foundIn(t);
		const same = marks.sameIn(t);
		let k = Math.max(0, t.lastStartingBefore(row, (shape.from - shift) / ratio));
		let joinedTo = -1;
		for (; k < row.length; k++) {
			const i = row[k]!;
			const x0 = (t.start[i]! * ratio + shift - shape.from) * scale;
			if (x0 >= width) break;
			const w = t.width[i]! * ratio * scale;
			const x1 = x0 + w;
			if (x1 <= 0 || w <= 0) continue;
			if (w < smallestBox) {
				// A run of slivers becomes one thin box per pixel at most.
				if (x1 > joinedTo) {
					picture.rects.add(x0, y, 1, rowHeight - gap, restColor);
					joinedTo = x0 + 1;
				}
				continue;
			}
			const left = Math.max(x0, -1);
			const right = Math.min(x1, width + 1);
			const id = t.frames.id[i]!;
			const found = foundNames !== null && foundNames[t.frames.name[i]!] === 1;
			const selected = id === marks.selected;
			let color = colorOf(t, i, theme, marks.diff);
			if (foundNames && !found) color = fade(theme, color, 0.28);
			else if (dim < 1) color = fade(theme, color, dim);
			if (selected) color = lift(theme, color, 0.22);
			else if (id === marks.hovered) color = lift(theme, color, 0.12);
			const boxWidth = Math.max(right - left - (w > 2.5 ? gap : w > 1 ? 0.4 : 0), 0.5);
			picture.rects.add(left, y, boxWidth, rowHeight - gap, color);
			if (found) picture.rects.add(left, y + rowHeight - gap - 2, boxWidth, 2, theme.accent);
			else if (t.frames.name[i] === same && !selected)
				picture.rects.add(left, y + rowHeight - gap - 1.5, boxWidth, 1.5, theme.text);
			if (selected) outline(picture, left, y, boxWidth, rowHeight - gap, theme.text);
			const visibleLeft = Math.max(x0, 0);
			const room = Math.min(x1, width) - visibleLeft - 2 * textPadding;
			if (room >= smallestText - 2 * textPadding) {
				const label = fitName(t.spellingsOf(i), room, measure);
				if (label)
					picture.texts.push({
						text: label, x: visibleLeft + textPadding, y: y + rowHeight / 2 - 0.5,
						color: foundNames && !found ? theme.mutedText : theme.text,
						bold: false,
					});
			}
		}
	}
}

/**
 * Whether chance alone explains how a frame changed: about half of the raw samples of both sides are on this one, within
 * two standard deviations. The base sends no counts; they are as many per value as here.
 */
export function uncertain(t: FlameTree, i: number): boolean {
	const f = t.frames;
	const whole = f.info.total;
	if (!f.baseTotal || !f.samples || !(whole > 0)) return false;
	const now = f.total[i]!;
	const perValue = now > 0 && f.samples[i]! > 0 ? f.samples[i]! / now : f.info.samples / whole;
	const count = f.samples[i]! + Math.abs(f.baseTotal[i]!) * perValue;
	return Math.abs(f.samples[i]! - count / 2) < Math.sqrt(count);
}

function colorOf(t: FlameTree, i: number, theme: Theme, diff: boolean): number {
	const f = t.frames;
	if (diff && f.baseTotal) {
		const now = f.total[i]!;
		const before = f.baseTotal[i]!;
		const sum = Math.abs(now) + Math.abs(before);
		const change = sum === 0 ? 0 : (now - before) / sum;
		return diffColor(theme, uncertain(t, i) ? change * 0.12 : change);
	}
	const tone = t.toneOf(i);
	return frameColor(theme, tone, tone === "code" || tone === "library" ? t.packageOf(i) : "", t.nameOf(i).name);
}

/** Towards the text colour: the frame under the pointer or the selection. */
function lift(theme: Theme, color: number, by: number): number {
	const mix = (shift: number) => {
		const from = (color >>> shift) & 255;
		const to = (theme.text >>> shift) & 255;
		return Math.round(from + (to - from) * by) << shift;
	};
	return ((color & 0xff000000) | mix(16) | mix(8) | mix(0)) >>> 0;
}

function outline(picture: Picture, x: number, y: number, w: number, h: number, color: number): void {
	const r = picture.rects;
	r.add(x, y, w, 1.5, color);
	r.add(x, y + h - 1.5, w, 1.5, color);
	r.add(x, y, 1.5, h, color);
	r.add(x + w - 1.5, y, 1.5, h, color);
}
