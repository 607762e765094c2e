// A series of profiles: what grows, and the ways from there to its code.

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openBrowser, openPage, pictures, scratch, serve } from "./browser.mjs";
import { heapProfile } from "./pprof.mjs";

const put = "example.com/app/cache.(*Cache).Put", render = "example.com/app/page.Render", drain = "example.com/app/queue.(*Queue).Drain", wild = "example.com/app/report.Sales";
const root = ["net/http.(*conn).serve", "main.main"];
const steps = 12, everyS = 10;
const tmp = scratch();
let browser, server, page;

before(async () => {
	mkdirSync(join(tmp.dir, "series"));
	for (let i = 0; i < steps; i++)
		writeFileSync(join(tmp.dir, "series", `heap-${String(i).padStart(2, "0")}.pprof`), heapProfile([
			{ stack: [put, ...root], bytes: 4e6 + i * 1e6 + (i % 3) * 1e4 },
			{ stack: [render, ...root], bytes: 8e6 + ((i * 7) % 5) * 1e4 },
			{ stack: [drain, "main.main"], bytes: 9e6 - i * 4e5 },
			{ stack: [wild, ...root], bytes: 1e5 + ((i * i * 7919) % 4001) * 1000 },
		], i * everyS));
	browser = await openBrowser();
	server = await serve(join(tmp.dir, "series"));
	page = await openPage(browser, server);
});

after(async () => {
	await browser?.close();
	await server?.stop();
	tmp.remove();
});

const all = Array.from({ length: steps }, (_, i) => i + 1).join();
const ask = (extra = "") => page.api(`/api/trend?doc=${all}&sample-index=inuse_space&limit=0${extra}`);
const cards = () => page.$$eval(".trend-card", (l) => l.map((c) => ({ name: c.querySelector(".name").title, text: c.innerText, label: c.getAttribute("aria-label"), selected: c.getAttribute("aria-selected") })));

test("a folder of profiles is a series: the tab opens it at the newest, the worst first", async () => {
	await page.at("#/flame");
	await page.click('.tabs button:has-text("Trend")');
	await page.settled();
	assert.equal((await page.state()).doc, String(steps));
	const a = await ask();
	assert.equal(a.rows[0].name, put);
	assert.deepEqual(a.order, Array.from({ length: steps }, (_, i) => i));
	const shown = await cards();
	assert.deepEqual(shown.map((c) => c.name), a.rows.map((r) => r.name));
	for (const [i, r] of a.rows.entries()) assert.ok(shown[i].text.includes(r.verdict), `${r.name} is ${r.verdict}: ${shown[i].text}`);
	assert.match(shown[0].text, /\+97\.\d kB/, "a megabyte in ten seconds");
	assert.match(shown[0].label, /growing, \+97\.\d kB a s, 95 % sure of/);
	assert.equal((await page.$$(".trend-plot .trend-dot")).length, steps);
	page.clean();
});

test("a click selects everywhere; double click and Shift+D go to the flame graph and to the difference", async () => {
	await page.at("#/trend");
	await page.click(`.trend-card:has-text("(*Cache).Put")`);
	await page.settled();
	assert.equal((await page.state()).fn, put);
	assert.match(await page.textContent(".inspector .ins-name"), /\(\*Cache\)\.Put/);
	assert.match(await page.textContent(".trend-say"), /twice as much in 2 min/);
	await page.dblclick(`.trend-card:has-text("(*Cache).Put")`);
	await page.settled();
	const s = await page.state();
	assert.deepEqual([s.view, s.doc, s.fn, s.t], ["flame", String(steps), put, `only-function:${put}`]);
	await page.goBack();
	await page.settled();
	assert.equal((await page.state()).view, "trend");
	await page.keyboard.press("Shift+D");
	await page.settled();
	const d = await page.state();
	assert.deepEqual([d.view, d.doc, d.base, d.t], ["diff", String(steps), "1", `only-function:${put}`]);
	page.clean();
});

test("by keys alone: rows, the curve's profiles, the flame graph of one, and back", async () => {
	await page.at("#/trend?doc=3");
	await page.focus(".trend-cards");
	for (const key of ["ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft"]) await page.keyboard.press(key);
	await page.settled();
	const a = await ask();
	assert.equal((await page.state()).fn, a.rows[1].name);
	assert.equal(await page.evaluate(() => document.getElementById(document.querySelector(".trend-cards").getAttribute("aria-activedescendant")).getAttribute("aria-selected")), "true");
	await page.focus(".trend-plot");
	await page.keyboard.press("ArrowRight");
	await page.settled();
	assert.equal((await page.state()).doc, "4");
	assert.match(await page.getAttribute(".trend-plot", "aria-valuetext"), /heap-03\.pprof/);
	await page.keyboard.press("Home");
	await page.settled();
	assert.equal((await page.state()).doc, "1");
	await page.keyboard.press("Enter");
	await page.settled();
	assert.deepEqual([(await page.state()).view, (await page.state()).doc], ["flame", "1"]);
	await page.goBack();
	await page.settled();
	assert.equal((await page.state()).view, "trend");
	await page.keyboard.press("Escape");
	await page.settled();
	assert.equal((await page.state()).fn, undefined);
	page.clean();
});

test("the table says the same in numbers", async () => {
	await page.at("#/trend?ttable=1&tby=cum&sort=-last");
	const a = await ask("&by=cum");
	const rows = await page.$$eval(".tbody .trow", (l) => l.map((r) => ({ cells: [...r.children].map((c) => c.innerText.trim()), name: r.querySelector(".name").title })));
	assert.deepEqual(rows.map((r) => r.name), [...a.rows].sort((x, y) => y.values.at(-1) - x.values.at(-1)).map((r) => r.name));
	for (const row of rows) {
		const r = a.rows.find((x) => x.name === row.name);
		assert.ok(row.cells[0].includes(r.verdict), row.cells[0]);
		const shown = parseFloat(row.cells[5]) * { kB: 1024, MB: 1024 ** 2 }[/[kM]B$/.exec(row.cells[5])[0]];
		assert.ok(Math.abs(shown - r.values.at(-1)) <= 0.006 * r.values.at(-1), `${row.name}: ${row.cells[5]} is ${r.values.at(-1)}`);
	}
	page.clean();
});

test("how rows are made, what is left out and what is filtered is in the link", async () => {
	await page.at("#/trend");
	await page.click('.trend .segments button:has-text("Stacks")');
	await page.fill('label:has-text("Leave out first") input', "3");
	await page.keyboard.press("Enter");
	await page.settled();
	const s = await page.state();
	assert.deepEqual([s.tby, s.skip], ["stack", "3"]);
	assert.equal((await page.$$(".trend-plot .trend-dot")).length, steps - 3);
	await page.at(`#/trend?q=cache&mode=filter`);
	assert.deepEqual((await cards()).map((c) => c.name), [put]);
	await page.at("#/trend?skip=40");
	assert.match(await page.textContent(".state[role=alert]"), /several profiles/);
	assert.match(page.complaints.splice(0).join(), /^console: [^\n]*400 \(Bad Request\)$/);
	page.clean();
});

test("two profiles prove nothing, and those without a time need to be told one", async () => {
	for (const [i, n] of [100, 150].entries()) writeFileSync(join(tmp.dir, `${"ab"[i]}.folded`), `main;put ${n}\nmain;get 70\n`);
	const few = await serve(join(tmp.dir, "a.folded"), join(tmp.dir, "b.folded"));
	const p = await openPage(browser, few);
	await p.at("#/trend");
	assert.match(await p.textContent(".trend-say"), /Fewer than 5 moments/);
	assert.match(await p.textContent(".trend-card"), /can't tell/);
	assert.match(await p.textContent(".trend-slope"), /\+5\/s/);
	await p.fill('label:has-text("Taken every") input', "1s");
	await p.keyboard.press("Enter");
	await p.settled();
	assert.equal((await p.state()).every, "1s");
	assert.match(await p.textContent(".trend-slope"), /\+50\/s/);
	p.clean();
	await p.context().close();
	await few.stop();
});

test("as pictures, light and dark, narrow and wide", async () => {
	for (const [theme, width] of [["light", 1440], ["dark", 900]]) {
		const p = await openPage(browser, server, { theme, width });
		await p.at(`#/trend?doc=${steps}&fn=${encodeURIComponent(put)}`);
		const spilled = await p.evaluate(() => [...document.querySelectorAll(".trend-card, .trend-head, .tl-bar")].filter((e) => e.scrollWidth > e.clientWidth + 1).length);
		assert.equal(spilled, 0, `nothing is cut off at ${width} pixels`);
		writeFileSync(join(pictures, `trend-${theme}.png`), await p.screenshot());
		p.clean();
		await p.context().close();
	}
});
