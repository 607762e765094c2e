// Names in a profile are input of a stranger: they are shown, never run, and cannot bend the page.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openBrowser, openPage, scratch, serve } from "./browser.mjs";
import { cpuProfile } from "./pprof.mjs";

const names = [
	"<script>window.pwned=1</script>", "<img src=x onerror=window.pwned=2>", '"><svg onload=window.pwned=3>', "javascript:window.pwned=4//", "main.{{constructor.constructor('window.pwned=5')()}}",
	"evil.\u001b[31mred\u001b[0m", "evil.two\nlines\r\nthree", "evil.\u202egnitset\u202c", "evil.nul\u0000byte", "__proto__", "constructor", "evil.';alert(1)//", "main.\ud83d\ude00", "x".repeat(40_000),
];
const tmp = scratch();
let browser, server;

before(async () => {
	const samples = names.map((name, i) => ({ stack: [name, "main.main"], count: 50 - i, labels: { [names[(i + 1) % 6]]: names[i % 8], __proto__x: "y" } }));
	samples.push({ stack: [...names.slice(0, 12)], count: 60 });
	writeFileSync(join(tmp.dir, "<b>hostile.pprof"), cpuProfile(samples));
	writeFileSync(join(tmp.dir, "later.pprof"), cpuProfile(samples.slice(4)));
	writeFileSync(join(tmp.dir, "dump.txt"), `goroutine 1 [<img src=x onerror=window.pwned=6>]:\nmain.<script>window.pwned=7</script>(0x1)\n\t/tmp/<b>.go:12 +0x1d\n\ngoroutine 2 [running]:\nmain.main()\n\t/tmp/a.go:1 +0x1\n`);
	browser = await openBrowser();
	server = await serve(join(tmp.dir, "<b>hostile.pprof"), join(tmp.dir, "later.pprof"), join(tmp.dir, "dump.txt"));
});

after(async () => {
	await browser?.close();
	await server?.stop();
	tmp.remove();
});

test("no name runs a script or adds an element in any view", async () => {
	const page = await openPage(browser, server);
	const e = encodeURIComponent;
	const top = await page.api("/api/top?doc=1&limit=0");
	const known = top.rows.map((r) => r.name);
	for (const n of names.slice(0, 4)) assert.ok(known.includes(n), `the engine keeps the name ${n}`);
	const places = ["#/flame", "#/tree", "#/table", "#/diff?doc=2&base=1", "#/flame?drawer=labels", "#/flame?drawer=samples", "#/flame?drawer=info", "#/goroutines?doc=3", "#/sandwich", "#/source"];
	for (const name of known) places.push(`#/source?fn=${e(name.slice(0, 2000))}&asm=1`, `#/sandwich?fn=${e(name.slice(0, 2000))}`, `#/flame?fn=${e(name.slice(0, 2000))}&t=${e(`hide-function:${name.slice(0, 2000)}`)}&q=${e(name.slice(0, 50))}`);
	for (const key of names.slice(0, 6)) places.push(`#/flame?group=${e(key)}&label=${e(`+${key}:${names[0]}`)}&drawer=labels`);
	for (const view of ["<img src=x onerror=window.pwned=8>", "constructor", "__proto__"]) places.push(`#/${e(view)}`);
	for (const place of places) {
		await page.at(place);
		const found = await page.evaluate(() => ({
			pwned: window.pwned, polluted: {}.x,
			foreign: document.querySelectorAll("#app script, #app img, #app svg[onload], #app b > script, #app [onerror]").length,
		}));
		assert.deepEqual(found, { pwned: undefined, polluted: undefined, foreign: 0 }, place);
	}
	// Requests that fail are logged by the browser; scripts and policies must not be the reason.
	assert.deepEqual(page.complaints.filter((c) => !/Failed to load resource/.test(c)), []);
	await page.context().close();
});

test("no name breaks a line or turns the text", async () => {
	const page = await openPage(browser, server);
	await page.at("#/table");
	const texts = await page.$$eval(".tbody .name", (l) => l.map((n) => n.textContent + n.title));
	for (const t of texts) assert.doesNotMatch(t, /[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
	const heights = await page.$$eval(".tbody .trow", (l) => [...new Set(l.map((n) => Math.round(n.getBoundingClientRect().height)))]);
	assert.deepEqual(heights, [24]);
	await page.mouse.move(300, 200);
	await page.at("#/flame");
	const box = await (await page.$(".canvas-host")).boundingBox();
	for (let x = 20; x < box.width; x += 90) await page.mouse.move(box.x + x, box.y + 45);
	const tip = await page.$(".tip");
	if (tip) assert.ok((await tip.boundingBox()).height < 400);
	await page.context().close();
});
