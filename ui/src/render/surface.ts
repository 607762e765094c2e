// A place to draw that picks its back end, changes it when the browser takes the context away, and draws once per frame at most.

import { Canvas2DRenderer } from "./canvas2d";
import { Picture, type Renderer } from "./draw";
import { WebGL2Renderer } from "./webgl2";

export type Wish = "auto" | "webgl2" | "canvas2d";

export class Surface {
	readonly picture = new Picture();
	private renderer: Renderer;
	private pending = 0;
	private width = 0;
	private height = 0;
	private ratio = 1;
	private readonly observer: ResizeObserver;

	constructor(
		private readonly host: HTMLElement,
		private wish: Wish,
		/** Fills `picture` for the given size; returns true when it wants another frame. */
		private readonly paint: (picture: Picture, width: number, height: number, now: number) => boolean,
	) {
		this.renderer = this.create();
		this.observer = new ResizeObserver(() => this.measure());
		this.observer.observe(host);
		this.measure();
	}

	private create(): Renderer {
		const made = this.make();
		this.host.dataset.renderer = made.kind;
		return made;
	}

	private make(): Renderer {
		if (this.wish !== "canvas2d")
			try {
				// A context that choose() gave up is lost too, some time later: only the one in use matters.
				const made: Renderer = new WebGL2Renderer(this.host, this.wish === "webgl2", () => {
					if (this.renderer === made) this.fallBack();
				});
				return made;
			} catch {
				// no context, or a slow one: the plain canvas draws the same picture
			}
		return new Canvas2DRenderer(this.host);
	}

	private fallBack(): void {
		this.renderer.release();
		this.renderer = new Canvas2DRenderer(this.host);
		this.host.dataset.renderer = this.renderer.kind;
		this.renderer.resize(this.width, this.height, this.ratio);
		this.invalidate();
	}

	choose(wish: Wish): void {
		if (wish === this.wish) return;
		this.wish = wish;
		const old = this.renderer;
		this.renderer = this.create();
		old.release();
		this.renderer.resize(this.width, this.height, this.ratio);
		this.invalidate();
	}

	private measure(): void {
		const width = this.host.clientWidth;
		const height = this.host.clientHeight;
		const ratio = Math.min(3, devicePixelRatio || 1);
		if (width === this.width && height === this.height && ratio === this.ratio) return;
		this.width = width;
		this.height = height;
		this.ratio = ratio;
		this.renderer.resize(width, height, ratio);
		this.drawNow(performance.now());
	}

	invalidate(): void {
		if (this.pending) return;
		this.pending = requestAnimationFrame((now) => {
			this.pending = 0;
			this.drawNow(now);
		});
	}

	private drawNow(now: number): void {
		if (this.width === 0 || this.height === 0) return;
		const more = this.paint(this.picture, this.width, this.height, now);
		this.renderer.draw(this.picture);
		if (more) this.invalidate();
	}

	release(): void {
		this.observer.disconnect();
		if (this.pending) cancelAnimationFrame(this.pending);
		this.renderer.release();
	}
}
