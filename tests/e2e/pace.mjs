// How fast the page is: until its first picture, and while it moves.

/** Time that the page itself takes for each frame, and the time between frames, over a movement. */
export async function measure(page) {
	return page.evaluate(async () => {
		const host = document.querySelector(".canvas-host");
		const own = [];
		const between = [];
		const request = window.requestAnimationFrame;
		window.requestAnimationFrame = (f) => request.call(window, (t) => {
			const start = performance.now();
			f(t);
			own.push(performance.now() - start);
		});
		const frame = () => new Promise((done) => request.call(window, done));
		const wheel = (o) => host.dispatchEvent(new WheelEvent("wheel", { bubbles: true, cancelable: true, clientX: 700, clientY: 300, ...o }));
		const steps = [
			...Array.from({ length: 60 }, () => ({ deltaY: -20, ctrlKey: true })), ...Array.from({ length: 60 }, (_, i) => ({ deltaX: i < 30 ? 40 : -40 })),
			...Array.from({ length: 60 }, () => ({ deltaY: 20, ctrlKey: true })), ...Array.from({ length: 60 }, (_, i) => ({ deltaY: i < 30 ? 30 : -30 })),
		];
		let last = await frame();
		for (const step of steps) {
			wheel(step);
			const now = await frame();
			between.push(now - last);
			last = now;
		}
		window.requestAnimationFrame = request;
		const at = (list, q) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * q))] ?? 0;
		return { renderer: host.dataset.renderer, frames: own.length, own: [at(own, 0.5), at(own, 0.95), at(own, 1)], between: [at(between, 0.5), at(between, 0.95), at(between, 1)] };
	});
}

/** Milliseconds from the navigation to a drawn flame graph: all of them, and without the engine's answers. */
export const firstPicture = (page) => page.evaluate(async () => {
	const drawn = () => {
		const c = document.querySelector(".canvas-host canvas");
		if (!c || c.width < 10) return false;
		const pixel = c.getContext("2d")?.getImageData(40, 28, 1, 1).data;
		return pixel && !(pixel[0] === 255 && pixel[1] === 255 && pixel[2] === 255);
	};
	while (!drawn()) await new Promise((f) => requestAnimationFrame(f));
	const now = performance.now();
	const engine = performance.getEntriesByType("resource").filter((r) => r.name.includes("/api/")).reduce((s, r) => s + r.responseEnd - r.requestStart, 0);
	return { all: now, own: now - engine };
});
