// A large flame graph moves at the screen's pace.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openBrowser, openPage, scratch, serve } from "./browser.mjs";
import { firstPicture, measure, paceText, work } from "./pace.mjs";
import { largeProfile } from "./pprof.mjs";

const stacks = Number(process.env.E2E_STACKS ?? 100_000);
const frameMs = 16;
const tmp = scratch();
let browser, server;

before(async () => {
	writeFileSync(join(tmp.dir, "large.pprof"), largeProfile(stacks));
	browser = await openBrowser();
	server = await serve(join(tmp.dir, "large.pprof"));
});

after(async () => {
	await browser?.close();
	await server?.stop();
	tmp.remove();
});

for (const renderer of ["auto", "canvas2d", "webgl2"])
	test(`zoom, pan and scroll of ${stacks} stacks, ${renderer}`, async (t) => {
		const page = await openPage(browser, server, { settings: { renderer, inspector: false }, width: 1600, height: 1000 });
		await page.at("#/flame");
		// How fast an emulated GPU is, is the machine's doing: there, that it draws is seen in fewer steps.
		const isJudged = renderer !== "webgl2";
		if (isJudged) await measure(page);
		const m = await measure(page, { steps: isJudged ? 240 : 80 });
		t.diagnostic(paceText(m));
		assert.ok(m.frames > 50);
		if (isJudged) assert.ok(m.cpu <= frameMs, `a frame takes at most ${frameMs} ms of a processor: ${m.cpu}`);
		page.clean();
		await page.context().close();
	});

test("the page adds little to the time the engine takes for the first picture", async (t) => {
	const page = await openPage(browser, server, { width: 1600, height: 1000 });
	const times = [];
	for (const how of ["", "order=name", "invert=1", "by=packages"]) {
		await page.at(`#/flame?${how}`);
		times.push(await work(page, async () => {
			await page.reload();
			return firstPicture(page);
		}));
	}
	t.diagnostic(`first flame graph ${times.map((x) => `${x.result.all.toFixed(0)} (page ${x.result.own.toFixed(0)}, its work ${x.cpu.toFixed(0)})`).join(", ")} ms after the navigation`);
	const least = Math.min(...times.map((x) => x.cpu));
	assert.ok(least > 0 && least <= 300, `${least} ms of a processor until the first picture, at most 300`);
	await page.context().close();
});
