// The timeline of a very large execution trace in headless Chromium: until its lanes are drawn, the pace of its frames while it zooms and
// pans, and how long the engine takes for what that asks. Prints one line for bench/run. Needs GOSPECT, GOSPECT_TRACE, and Node's packages
// of ui/.

import { openBrowser, openPage, serve } from "../tests/e2e/browser.mjs";
import { measure } from "../tests/e2e/pace.mjs";

const rounds = Number(process.env.BENCH_ROUNDS ?? 3);
const how = { selector: ".canvas-host.lanes", y: 600, zoom: 60 };

const at = (list, q) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * q))] ?? 0;
const ms = (v) => `${v.toFixed(v < 10 ? 1 : 0)} ms`;
const three = (list) => `median ${ms(at(list, 0.5))}, 95 % ${ms(at(list, 0.95))}, longest ${ms(at(list, 1))}`;

const browser = await openBrowser();
const server = await serve(process.env.GOSPECT_TRACE);
const first = [], moves = [], answers = [];
try {
	for (let i = 0; i < rounds; i++) {
		const page = await openPage(browser, server, { settings: { inspector: false }, width: 1600, height: 1000 });
		const start = performance.now();
		await page.at("#/timeline");
		first.push(performance.now() - start);
		const [group] = (await page.api("/api/lanes?doc=1&group-by=function&limit=1")).groups;
		await page.at(`#/timeline?open=${encodeURIComponent(group.name)}`);
		await page.evaluate(() => performance.clearResourceTimings());
		moves.push(await measure(page, how));
		await page.settled();
		answers.push(...await page.evaluate(() => performance.getEntriesByType("resource").filter((r) => r.name.includes("/api/tiles")).map((r) => r.responseEnd - r.requestStart)));
		page.clean();
		await page.context().close();
	}
} finally {
	await browser.close();
	await server.stop();
}
console.log("BENCH " + JSON.stringify({
	"until its lanes are drawn, the engine having opened it": ms(at(first, 0.5)),
	[`own time of a frame, zoom, pan and scroll, ${moves[0].renderer}`]: `median ${ms(at(moves.map((m) => m.own[0]), 0.5))}, 95 % ${ms(at(moves.map((m) => m.own[1]), 0.5))}, longest ${ms(at(moves.map((m) => m.own[2]), 1))} (${moves.reduce((s, m) => s + m.frames, 0)} frames)`,
	"processor time of a frame": ms(at(moves.map((m) => m.cpu), 0.5)),
	"between frames": `median ${ms(at(moves.map((m) => m.between[0]), 0.5))}, 95 % ${ms(at(moves.map((m) => m.between[1]), 0.5))}`,
	[`an answer of tiles meanwhile, over HTTP (${answers.length} answers)`]: three(answers),
}));
