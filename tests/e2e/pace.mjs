// How fast the page is: until its first picture, and while it moves.

/** What `act` takes of a processor on the page's main thread, in milliseconds: other programs can make it wait, not work more. */
export async function work(page, act) {
	const devtools = await page.context().newCDPSession(page);
	await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
	const busy = async () => (await devtools.send("Performance.getMetrics")).metrics.find((m) => m.name === "TaskDuration").value * 1000;
	const before = await busy();
	const result = await act();
	const cpu = (await busy()) - before;
	await devtools.detach();
	return { result, cpu };
}

/**
 * A movement of so many steps over a canvas: the page's own time for each frame and the time between frames, which other programs can stretch;
 * and what a frame takes of a processor on average, which they cannot.
 */
export async function measure(page, { selector = ".canvas-host", y = 300, zoom = 20, steps = 240 } = {}) {
	const moved = await work(page, () => page.evaluate(async ({ selector, y, zoom, steps }) => {
		const host = document.querySelector(selector);
		const own = [];
		const between = [];
		const request = window.requestAnimationFrame;
		window.requestAnimationFrame = (f) => request.call(window, (t) => {
			const start = performance.now();
			f(t);
			own.push(performance.now() - start);
		});
		const frame = () => new Promise((done) => request.call(window, done));
		const wheel = (o) => host.dispatchEvent(new WheelEvent("wheel", { bubbles: true, cancelable: true, clientX: 700, clientY: y, ...o }));
		const each = steps / 4;
		const times = (step) => Array.from({ length: each }, (_, i) => step(i < each / 2 ? 1 : -1));
		const movement = [
			...times(() => ({ deltaY: -zoom, ctrlKey: true })), ...times((way) => ({ deltaX: 40 * way })),
			...times(() => ({ deltaY: zoom, ctrlKey: true })), ...times((way) => ({ deltaY: 30 * way })),
		];
		let last = await frame();
		for (const step of movement) {
			wheel(step);
			const now = await frame();
			between.push(now - last);
			last = now;
		}
		window.requestAnimationFrame = request;
		const at = (list, q) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * q))] ?? 0;
		const some = (list) => [at(list, 0.5), at(list, 0.95), at(list, 1)];
		return { renderer: host.dataset.renderer, frames: own.length, own: some(own), between: some(between) };
	}, { selector, y, zoom, steps }));
	return { ...moved.result, cpu: moved.cpu / Math.max(1, moved.result.frames) };
}

const three = (l) => l.map((v) => v.toFixed(1)).join(" / ");
export const paceText = (m) =>
	`${m.renderer}: own time of a frame ${three(m.own)} ms, between frames ${three(m.between)} ms (median / 95 % / longest), processor ${m.cpu.toFixed(1)} ms each, ${m.frames} frames`;

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
