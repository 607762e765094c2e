// The plain back end: works everywhere, and is the faster one where WebGL is emulated in software.

import { cssColor, drawAbove, type Picture, type Renderer } from "./draw";
import { manyRects, rasterize } from "./raster";

/** A picture on a canvas of its own, to be drawn as an image. */
export function drawPicture(canvas: HTMLCanvasElement, picture: Picture, width: number, height: number, ratio: number): void {
	canvas.width = Math.max(1, Math.round(width * ratio));
	canvas.height = Math.max(1, Math.round(height * ratio));
	const context = canvas.getContext("2d", { alpha: false });
	if (!context) return;
	context.setTransform(ratio, 0, 0, ratio, 0, 0);
	fillRects(context, picture, width, height);
	drawAbove(context, picture);
}

const styles = new Map<number, string>();

function styleOf(color: number): string {
	let style = styles.get(color);
	if (style === undefined) {
		style = cssColor(color);
		if (styles.size > 4096) styles.clear();
		styles.set(color, style);
	}
	return style;
}

function fillRects(c: CanvasRenderingContext2D, picture: Picture, width: number, height: number): void {
	c.fillStyle = cssColor(picture.background);
	c.fillRect(0, 0, width, height);
	const { box, color, count } = picture.rects;
	let last = -1;
	for (let i = 0; i < count; i++) {
		if (color[i] !== last) {
			last = color[i]!;
			c.fillStyle = styleOf(last);
		}
		const at = i * 4;
		c.fillRect(box[at]!, box[at + 1]!, box[at + 2]!, box[at + 3]!);
	}
}

export class Canvas2DRenderer implements Renderer {
	readonly kind = "canvas2d";
	private readonly canvas = document.createElement("canvas");
	private readonly context: CanvasRenderingContext2D;
	private image: ImageData | null = null;
	private pixels = new Uint32Array(0);
	private width = 0;
	private height = 0;
	private ratio = 1;

	constructor(parent: HTMLElement) {
		const context = this.canvas.getContext("2d", { alpha: false });
		if (!context) throw new Error("the browser gives no 2D canvas");
		this.context = context;
		this.canvas.className = "layer";
		this.canvas.setAttribute("aria-hidden", "true");
		parent.append(this.canvas);
	}

	resize(width: number, height: number, ratio: number): void {
		this.width = width;
		this.height = height;
		this.ratio = ratio;
		this.canvas.width = Math.max(1, Math.round(width * ratio));
		this.canvas.height = Math.max(1, Math.round(height * ratio));
		this.canvas.style.width = `${width}px`;
		this.canvas.style.height = `${height}px`;
	}

	draw(picture: Picture): void {
		const c = this.context;
		if (picture.rects.count > manyRects) this.writePixels(picture);
		c.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
		if (picture.rects.count <= manyRects) fillRects(c, picture, this.width, this.height);
		drawAbove(c, picture);
	}

	private writePixels(picture: Picture): void {
		const { width, height } = this.canvas;
		if (!this.image || this.image.width !== width || this.image.height !== height) {
			this.image = this.context.createImageData(width, height);
			this.pixels = new Uint32Array(this.image.data.buffer);
		}
		rasterize(this.pixels, width, height, this.ratio, picture.background, picture.rects);
		this.context.putImageData(this.image, 0, 0);
	}

	release(): void {
		this.canvas.remove();
	}
}
