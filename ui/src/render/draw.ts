// What a picture is made of: rectangles, then text. Views fill these lists, a renderer draws them, tests read them.

export class RectList {
	count = 0;
	/** x, y, width, height in CSS pixels */
	box = new Float32Array(4 * 1024);
	/** 0xAABBGGRR, the byte order of a little-endian RGBA texture */
	color = new Uint32Array(1024);

	clear(): void {
		this.count = 0;
	}

	add(x: number, y: number, w: number, h: number, color: number): void {
		if (this.count === this.color.length) {
			const box = new Float32Array(this.box.length * 2);
			box.set(this.box);
			this.box = box;
			const colors = new Uint32Array(this.color.length * 2);
			colors.set(this.color);
			this.color = colors;
		}
		const i = this.count * 4;
		this.box[i] = x;
		this.box[i + 1] = y;
		this.box[i + 2] = w;
		this.box[i + 3] = h;
		this.color[this.count++] = color;
	}
}

/** A part of an image, stretched: for what is too fine to be rectangles. Drawn above the rectangles, below the text. */
export interface Strip { image: CanvasImageSource; sx: number; sy: number; sw: number; sh: number; x: number; y: number; w: number; h: number }

export interface Text { text: string; x: number; y: number; color: number; bold: boolean }

export class Picture {
	readonly rects = new RectList();
	readonly strips: Strip[] = [];
	/** rectangles above the strips: few */
	readonly marks = new RectList();
	readonly texts: Text[] = [];
	background = 0xffffffff;

	clear(background: number): void {
		this.rects.clear();
		this.strips.length = 0;
		this.marks.clear();
		this.texts.length = 0;
		this.background = background;
	}
}

export interface Renderer {
	readonly kind: "webgl2" | "canvas2d";
	/** CSS size; the backing store is `ratio` times as large. */
	resize(width: number, height: number, ratio: number): void;
	draw(picture: Picture): void;
	release(): void;
}

export const fontFamily = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif';
export const fontSize = 11.5;
export const font = `${fontSize}px ${fontFamily}`;
export const boldFont = `600 ${font}`;

export function cssColor(color: number): string {
	const a = (color >>> 24) / 255;
	const rgb = `${color & 255},${(color >>> 8) & 255},${(color >>> 16) & 255}`;
	return a === 1 ? `rgb(${rgb})` : `rgba(${rgb},${a})`;
}

/** Everything above the rectangles. */
export function drawAbove(context: CanvasRenderingContext2D, picture: Picture): void {
	for (const s of picture.strips) context.drawImage(s.image, s.sx, s.sy, s.sw, s.sh, s.x, s.y, s.w, s.h);
	const { box, color, count } = picture.marks;
	for (let i = 0; i < count; i++) {
		context.fillStyle = cssColor(color[i]!);
		context.fillRect(box[i * 4]!, box[i * 4 + 1]!, box[i * 4 + 2]!, box[i * 4 + 3]!);
	}
	drawTexts(context, picture.texts);
}

export function drawTexts(context: CanvasRenderingContext2D, texts: readonly Text[]): void {
	context.textBaseline = "middle";
	let color = -1;
	let bold: boolean | null = null;
	for (const t of texts) {
		if (t.bold !== bold) {
			bold = t.bold;
			context.font = bold ? boldFont : font;
		}
		if (t.color !== color) {
			color = t.color;
			context.fillStyle = cssColor(color);
		}
		context.fillText(t.text, t.x, t.y);
	}
}
