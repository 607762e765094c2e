// The plain back end: works everywhere, and is the faster one where WebGL is emulated in software.

import { cssColor, drawAbove, type Picture, type Renderer } from "./draw";

export class Canvas2DRenderer implements Renderer {
	readonly kind = "canvas2d";
	private readonly canvas = document.createElement("canvas");
	private readonly context: CanvasRenderingContext2D;
	private readonly styles = new Map<number, string>();
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
		c.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
		c.fillStyle = cssColor(picture.background);
		c.fillRect(0, 0, this.width, this.height);
		const { box, color, count } = picture.rects;
		let last = -1;
		for (let i = 0; i < count; i++) {
			const value = color[i]!;
			if (value !== last) {
				last = value;
				let style = this.styles.get(value);
				if (style === undefined) {
					style = cssColor(value);
					if (this.styles.size > 4096) this.styles.clear();
					this.styles.set(value, style);
				}
				c.fillStyle = style;
			}
			const at = i * 4;
			c.fillRect(box[at]!, box[at + 1]!, box[at + 2]!, box[at + 3]!);
		}
		drawAbove(c, picture);
	}

	release(): void {
		this.canvas.remove();
	}
}
