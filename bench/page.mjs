// The page in headless Chromium on a large profile: the time to its first flame graph, cold, and the pace of its frames. Prints one
// line for bench/run. Needs GOSPECT, GOSPECT_LARGE_PROFILE, and Node's packages of ui/.

import { openBrowser, openPage, serve } from "../tests/e2e/browser.mjs";
import { firstPicture, measure } from "../tests/e2e/pace.mjs";

const profile = process.env.GOSPECT_LARGE_PROFILE;
const rounds = Number(process.env.BENCH_ROUNDS ?? 3);
const size = { width: 1600, height: 1000 };
const frameMs = 16;

const middle = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
const ms = (v) => `${v.toFixed(v < 10 ? 1 : 0)} ms`;

const browser = await openBrowser();
const first = [], linked = [], moves = [];
try {
	for (let i = 0; i < rounds; i++) {
		// A new process each time: it has answered nothing yet when the browser comes.
		const server = await serve(profile);
		const start = performance.now();
		try {
			const context = await browser.newContext({ viewport: size });
			const page = await context.newPage();
			await page.goto(`${server.address}#/flame`);
			first.push((await firstPicture(page)).all);
			linked.push(performance.now() - start);
			server.cookies = await context.cookies();
			await context.close();
			const moving = await openPage(browser, server, { settings: { inspector: false }, ...size });
			await moving.at("#/flame");
			await measure(moving);
			moves.push(await measure(moving));
			await moving.context().close();
		} finally {
			await server.stop();
		}
	}
} finally {
	await browser.close();
}
const own = (k) => moves.map((m) => m.own[k]);
const n = moves.reduce((s, m) => s + m.frames, 0);
console.log("BENCH " + JSON.stringify({
	"first flame graph of a document just opened, from the navigation": `${ms(middle(first))} (${first.map(ms).join(", ")})`,
	"the same from the printed link, with the browser's new window": ms(middle(linked)),
	[`own time of a frame, pan and zoom, ${moves[0].renderer}`]: `median ${ms(middle(own(0)))}, 95 % ${ms(middle(own(1)))}, longest ${ms(middle(own(2)))} (${frameMs} ms is the limit; ${n} frames)`,
	"between frames": `median ${ms(middle(moves.map((m) => m.between[0])))}, 95 % ${ms(middle(moves.map((m) => m.between[1])))}`,
}));
