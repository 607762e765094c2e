// The timeline in front of the real engine, on a real execution trace: what is selected in it is what every other view counts.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { data, openBrowser, openPage, pictures, serve } from "./browser.mjs";
import { measure, paceText } from "./pace.mjs";

const trace = process.env.E2E_TRACE ?? data("go1.26/trace.gz");
const frameMs = 16;
let browser, server, page;

before(async () => {
	browser = await openBrowser();
	server = await serve(trace);
	page = await openPage(browser, server, { width: 1600, height: 1000 });
});

after(async () => {
	await browser?.close();
	await server?.stop();
});

const lanes = ".canvas-host.lanes";
const gutter = 232;
/** below the axis and the rows that are always there */
const firstRow = 22 + 22 + 34 + 34;

/** waits until every tile on screen is there */
async function drawn(p = page) {
	await p.waitForSelector(lanes);
	await p.settled();
}

async function box(p = page) {
	return (await p.$(lanes)).boundingBox();
}

test("opens on the timeline, draws it, and complains of nothing", async () => {
	await page.at("#/timeline");
	await drawn();
	assert.equal((await page.state()).view, "timeline");
	const painted = await page.evaluate((s) => {
		const c = document.querySelector(`${s} canvas`);
		const pixels = c.getContext("2d").getImageData(232, 0, c.width - 240, c.height).data;
		const colors = new Set();
		for (let i = 0; i < pixels.length; i += 4) colors.add((pixels[i] << 16) | (pixels[i + 1] << 8) | pixels[i + 2]);
		return colors.size;
	}, lanes);
	assert.ok(painted > 8, `the canvas shows ${painted} colours`);
	page.clean();
});

test("a range that is drawn in the timeline is what the flame graph counts", async () => {
	await page.at("#/timeline?type=wall&tl=0-12000000");
	await drawn();
	const b = await box();
	await page.mouse.move(b.x + gutter + 200, b.y + 500);
	await page.mouse.down();
	await page.mouse.move(b.x + gutter + 420, b.y + 520, { steps: 5 });
	await page.mouse.up();
	await drawn();
	const sel = (await page.state()).sel;
	assert.match(sel, /^\d+-\d+$/);
	const [from, to] = sel.split("-").map(Number);
	const width = b.width - gutter;
	assert.ok(Math.abs(from - (200 / width) * 12e6) < 12e6 / width * 2 && Math.abs(to - (420 / width) * 12e6) < 12e6 / width * 2, "the moments under the pointer");
	await page.click("text=Flame >> nth=0");
	await page.settled();
	const total = await page.evaluate(() => performance.getEntriesByType("resource").map((r) => r.name).filter((n) => n.includes("/api/flame") && n.includes("time=")).at(-1));
	assert.ok(total, "the flame graph asked for the range");
	const flame = await page.api(total.replace(/^https?:\/\/[^/]+/, "").replace("format=frames", "format=json"));
	const top = await page.api(`/api/top?doc=1&sample-index=wall&time=${from}ns..${to}ns&limit=1`);
	// The lanes themselves, added up by another part of the engine: every state of every goroutine in the range.
	const names = (await page.api("/api/lanes?doc=1&limit=0")).rows.map((r) => r.lane);
	let sum = 0;
	for (const g of names) {
		const id = (await page.api(`/api/lanes?doc=1&lane=${g}`)).rows[0].id;
		const d = await page.api(`/api/goroutine?doc=1&id=${id}&time=${from}ns..${to}ns&limit=1`);
		sum += d.waits.reduce((n, w) => n + w.total_ns, 0);
	}
	assert.equal(top.total, sum, "GET /api/top and the spans of all goroutines say the same");
	assert.equal(flame.total ?? flame.root?.total ?? flame.value, sum, "and so does the flame graph");
	await page.goBack();
	await page.goBack();
	await drawn();
	assert.equal((await page.state()).sel, undefined, "back undoes the selection");
	page.clean();
});

test("by creation, the flame graph of a trace begins with main and loses no time", async () => {
	await page.at("#/flame?type=wall");
	await page.click("button:text-is('By creation')");
	await page.settled();
	assert.equal((await page.state()).creation, "1");
	const asked = await page.evaluate(() => performance.getEntriesByType("resource").map((r) => r.name).filter((n) => n.includes("/api/flame")).at(-1));
	assert.match(asked, /creation=1/);
	const total = async (more) => (await page.api(`/api/top?doc=1&sample-index=wall&limit=1${more}`)).total;
	assert.equal(await total("&creation=1"), await total(""));
	await page.keyboard.press("Shift+C");
	await page.settled();
	assert.equal((await page.state()).creation, undefined);
});

test("a frame of the flame graph marks its time in the timeline, to the nanosecond", async () => {
	for (const type of ["wall", "sync", "running"]) {
		await page.at(`#/flame?type=${type}`);
		const top = await page.api(`/api/top?doc=1&sample-index=${type}&limit=0`);
		const row = top.rows.filter((r) => r.cum > 0 && r.name.startsWith("main.")).sort((a, b) => b.cum - a.cum)[1] ?? top.rows[0];
		const b = await (await page.$(".canvas-host")).boundingBox();
		// A click on some frame selects it; which one it was the page says.
		await page.mouse.click(b.x + b.width / 3, b.y + 28);
		await page.settled();
		const fn = (await page.state()).fn ?? row.name;
		const cum = top.rows.find((r) => r.name === fn).cum;
		await page.click("text=Timeline >> nth=0");
		await drawn();
		await page.waitForSelector("#marked[data-ns]");
		assert.equal(Number(await page.getAttribute("#marked", "data-ns")), cum, `${type} of ${fn}`);
		// Tile by tile, at another resolution: the marks of all lanes add up to it.
		const all = await page.api(`/api/lanes?doc=1&limit=0&function=${encodeURIComponent(fn)}&value=${type}`);
		const tiles = await page.api(`/api/tiles?doc=1&lanes=${all.rows.map((r) => r.lane).join(",")}&cell=1ms&function=${encodeURIComponent(fn)}&value=${type}`);
		assert.equal(tiles.hit_ns.reduce((a, x) => a + x, 0), cum);
		const marks = tiles.tracks.filter((t) => t.kind === "hits").flatMap((t) => t.cells);
		const drawnNs = marks.reduce((n, c) => n + (c.end_ns - c.start_ns) * (c.shares ? Object.values(c.shares).reduce((a, x) => a + x, 0) : 1), 0);
		assert.ok(Math.abs(drawnNs - cum) < cum * 0.03 + marks.length * 8000, `what is drawn: ${drawnNs} of ${cum}`);
	}
	await page.click("text=Only these");
	await drawn();
	assert.equal((await page.state()).lmark, "1");
	page.clean();
});

test("a filter expression marks what it holds for, and leaves only its lanes", async () => {
	// Asking for the time makes samples of the single intervals, as lanes always take them.
	const filter = 'label["reason"] == "sync" && value > 100us && time >= 0s';
	await page.at(`#/timeline?type=sync&lby=none&filter=${encodeURIComponent(filter)}`);
	await drawn();
	await page.waitForSelector("#marked[data-ns]");
	const top = await page.api(`/api/top?doc=1&sample-index=sync&limit=1&filter=${encodeURIComponent(filter)}`);
	assert.equal(Number(await page.getAttribute("#marked", "data-ns")), top.matched);
	assert.ok(top.matched > 0);
	const all = await page.api("/api/lanes?doc=1&limit=1");
	const some = await page.api(`/api/lanes?doc=1&limit=1&value=sync&filter=${encodeURIComponent(filter)}`);
	assert.ok(some.count > 0 && some.count < all.count);
	assert.equal(some.hit_ns, top.matched);
});

test("a click selects a span; the inspector shows its stack; peers are links", async () => {
	await page.at("#/timeline?tl=0-12000000&lby=none");
	await drawn();
	const rows = (await page.api("/api/lanes?doc=1&limit=0")).rows;
	const waiter = rows.find((r) => r.name === "main.main.func1") ?? rows[0];
	await page.at(`#/timeline?tl=0-12000000&lby=none&lane=${waiter.lane}&at=${waiter.start_ns + 1000}`);
	await drawn();
	await page.waitForSelector(".span-facts .stack li");
	const detail = await page.api(`/api/goroutine?doc=1&id=${waiter.id}&time=${waiter.start_ns + 1000}ns..${waiter.start_ns + 1001}ns&limit=1`);
	const shown = await page.$$eval(".span-facts .stack .name", (l) => l.map((n) => n.title));
	assert.deepEqual(shown, detail.spans[0].stack.map((f) => f.name));
	await page.click(".peers .peer");
	await drawn();
	assert.notEqual((await page.state()).lane, waiter.lane);
	page.clean();
});

test("a wait leads to who ended it, and its critical path to what that one did meanwhile", async () => {
	const path = await page.api("/api/critical-path?doc=1");
	const wait = path.steps.find((s) => s.is_followed && s.waker_lane);
	assert.ok(wait, "the slowest piece of work waits for another goroutine");
	const id = wait.goroutine;
	await page.at(`#/timeline?lane=${wait.lane}&at=${wait.start_ns + 1}&tl=${path.start_ns}-${path.end_ns}`);
	await drawn();
	await page.click('.span-facts button:has-text("Critical path")');
	await drawn();
	const asked = (await page.state()).path;
	assert.equal(asked.split(":")[0], String(id));
	const [from, to] = asked.split(":")[1].split("-");
	const { steps, total_ns, others_ns } = await page.api(`/api/critical-path?doc=1&goroutine=${id}&time=${from}ns..${to}ns`);
	assert.equal(Object.values(total_ns).reduce((a, b) => a + b, 0), Number(to) - Number(from), "the states sum up to the whole");
	assert.ok(others_ns > 0 && others_ns <= Number(to) - Number(from));
	assert.equal((await page.$$(".path-facts .facts tr")).length, Object.keys(total_ns).length);
	const rows = await page.$$eval(".path-steps button", (l) => l.map((b) => b.title));
	assert.ok(rows.length > 1 && rows.length <= steps.length);
	assert.ok(rows.some((t) => t.includes(`goroutine ${wait.waker} `)), rows.join("\n"));
	const before = await page.evaluate(() => document.querySelectorAll(".path-steps li").length);
	await page.click(`.path-steps button[title*="goroutine ${wait.waker} "] >> nth=0`);
	await drawn();
	const there = await page.state();
	assert.equal(there.path, asked, "the path stays when another lane is selected");
	assert.ok(there.lane && Number(there.at) >= Number(from) && Number(there.at) <= Number(to));
	assert.equal(await page.evaluate(() => document.querySelectorAll(".path-steps li").length), before);
	await page.click('[aria-label="Close the critical path"]');
	await drawn();
	assert.equal((await page.state()).path, undefined);
	await page.at(`#/timeline?lane=${wait.lane}&at=${wait.start_ns + 1}&tl=${path.start_ns}-${path.end_ns}`);
	await page.waitForSelector('.span-facts .peer');
	assert.match(await page.textContent(".span-facts"), new RegExp(`ended by *${wait.waker} `));
	await page.click(".span-facts .peer");
	await drawn();
	assert.equal((await page.state()).lane, wait.waker_lane);
	page.clean();
});

test("a range says who ran in it: as much as the goroutines themselves say", async () => {
	await page.at("#/timeline?sel=2000000-9000000");
	await drawn();
	const groups = (await page.api("/api/lanes?doc=1&group-by=function&limit=1&time=2000000ns..9000000ns")).groups;
	const ran = groups.reduce((sum, g) => sum + (g.total_ns.running ?? 0), 0);
	const { rows, procs } = await page.api("/api/lanes?doc=1&limit=0");
	let exact = 0;
	for (const r of rows) for (const s of (await page.api(`/api/goroutine?doc=1&id=${r.id}&time=2000000ns..9000000ns&limit=1000000`)).spans ?? []) if (s.state === "running") exact += Math.max(0, Math.min(s.end_ns, 9e6) - Math.max(s.start_ns, 2e6));
	assert.equal(ran, exact);
	assert.ok(ran > 0 && ran <= procs * 7e6, "no more than there are processors");
	const shown = await page.$$eval(".inspector .facts tr", (l) => l.map((r) => [r.children[0].textContent.trim(), Number(r.children[2].textContent)]));
	assert.ok(Math.abs(Object.fromEntries(shown).running - ran / 7e6) <= 0.006, JSON.stringify(shown));
	page.clean();
});

test("a lane that a link names is in sight, wherever it is in the list", async () => {
	const row = (await page.api("/api/lanes?doc=1&limit=0")).rows.find((r) => r.name === "main.main.func1");
	await page.at(`#/timeline?lane=${row.lane}`);
	await drawn();
	// Its group is closed: it lies above all others, where the processors' heading would be.
	const b = await box();
	await page.mouse.click(b.x + gutter + 60, b.y + firstRow + 10);
	const s = await page.until((x) => Number(x.at) >= 0, "a moment in it is selected");
	assert.deepEqual([s.lane, s.pin, s.fold], [row.lane, undefined, undefined]);
	page.clean();
});

test("a stretch without samples says that the filters leave none", async () => {
	await page.at("#/flame?type=cpu&sel=1-2");
	await page.waitForSelector("text=No sample is left");
	await page.click("text=Remove all filters");
	await page.until((s) => s.sel === undefined, "the range is gone");
	page.clean();
});

test("keys alone: walk, open, zoom, select a range, pin, back", async () => {
	await page.at("#/timeline");
	await drawn();
	await page.focus(lanes);
	for (let i = 0; i < 6; i++) await page.keyboard.press("ArrowDown");
	await drawn();
	let s = await page.state();
	assert.ok(s.lane, "a row is selected");
	const group = "+main.main.func1";
	for (let i = 0; i < 30 && (await page.state()).lane !== group; i++) await page.keyboard.press("ArrowDown");
	assert.equal((await page.state()).lane, group);
	await page.keyboard.press("ArrowRight");
	await drawn();
	assert.equal((await page.state()).open, group.slice(1));
	await page.keyboard.press("ArrowDown");
	await drawn();
	s = await page.state();
	assert.match(s.lane, /^g\d+$/, "the first goroutine of the group");
	await page.keyboard.press(".");
	await drawn();
	assert.ok(Number((await page.state()).at) >= 0, "a span of it");
	await page.keyboard.press("f");
	const zoomed = (await page.until((s) => /^\d+-\d+$/.test(s.tl ?? ""), "zoomed to the span")).tl;
	await drawn();
	await page.keyboard.press("r");
	await drawn();
	assert.match((await page.state()).sel, /^\d+-\d+$/);
	await page.keyboard.press("Shift+P");
	await drawn();
	assert.equal((await page.state()).pin, s.lane);
	await page.keyboard.press("w");
	await page.until((s) => s.tl !== zoomed, "zoomed in further");
	await page.keyboard.press("Escape");
	await page.until((s) => s.tl === undefined, "the first step back shows all");
	await page.keyboard.press("Escape");
	await drawn();
	assert.equal((await page.state()).sel, undefined);
	await page.keyboard.press("/");
	await page.keyboard.type("audit");
	await page.keyboard.press("Enter");
	await page.until((s) => s.q === "audit", "the search is in the URL");
	await drawn();
	page.clean();
});

test("the table holds the same lanes, for eyes and screen readers", async () => {
	await page.at("#/timeline?ltable=1&open=main.main.func1");
	await page.waitForSelector('[role="treegrid"] [role="row"][aria-level="2"]');
	const answer = await page.api("/api/lanes?doc=1&group-by=function&limit=1");
	const groups = await page.$$eval('[role="row"][aria-level="1"] .name', (l) => l.map((n) => n.title));
	assert.deepEqual(groups, answer.groups.map((g) => g.name).slice(0, groups.length));
	const inside = await page.$$eval('[role="row"][aria-level="2"]', (l) => l.length);
	assert.equal(inside, answer.groups.find((g) => g.name === "main.main.func1").count);
	page.clean();
});

test("a task's lane leads to its critical path", async () => {
	const task = (await page.api("/api/lanes?doc=1&kind=tasks&sort=duration&limit=1")).rows[0];
	const want = await page.api("/api/critical-path?doc=1&task=.");
	await page.at(`#/timeline?lane=${task.lane}`);
	await drawn();
	await page.click('.inspector button:has-text("Critical path")');
	await drawn();
	assert.equal((await page.state()).path, `${want.goroutine}:${want.start_ns}-${want.end_ns}`, "that of the slowest task");
	assert.ok((await page.$$(".path-steps li")).length > 0);
	page.clean();
});

test("filters by state and task narrow the lanes", async () => {
	await page.at("#/timeline?lby=none&ltable=1&lstate=syscall");
	await page.settled();
	const want = await page.api("/api/lanes?doc=1&state=syscall&limit=0");
	assert.equal(Number(await page.getAttribute('[role="treegrid"]', "aria-rowcount")), want.count + 1);
	for (const r of want.rows) assert.ok(r.total_ns.syscall > 0);
	page.clean();
});

test("mutator utilization: the engine's curves, and the worst window selected in the timeline", async () => {
	await page.at("#/mmu");
	const all = await page.api("/api/mmu?doc=1");
	const tables = page.locator(".mmu-tables .table");
	assert.equal(Number(await tables.first().getAttribute("aria-rowcount")), all.curve.length + 1, "a row for each point");
	assert.equal((await page.$$(".mmu-plot path.mmu-line")).length, 1 + all.shares.length);
	await page.focus(".mmu-plot");
	await page.keyboard.press("Home");
	await page.until((s) => s.win === String(all.curve[0].window_ns), "the shortest window");
	await page.keyboard.press("PageDown");
	await page.keyboard.press("ArrowRight");
	await page.keyboard.press("ArrowRight");
	await page.settled();
	const at = all.curve[12];
	assert.equal((await page.state()).win, String(at.window_ns));
	assert.match(await page.getAttribute(".mmu-plot", "aria-valuetext"), /In the worst/);
	const worst = (await page.api(`/api/mmu?doc=1&window=${at.window_ns}ns&limit=50`)).worst;
	assert.equal(Number(await tables.nth(1).getAttribute("aria-rowcount")), worst.length + 1);
	// What does not count takes nothing.
	for (const part of ["Stops of the world", "Mark workers", "Assists"]) {
		await page.click(`.mmu .segments button >> text=${part}`);
		await page.settled();
	}
	assert.equal((await page.state()).gc, "none");
	await page.waitForSelector(".mmu-tables .state");
	await page.goBack();
	await page.goBack();
	await page.goBack();
	await page.settled();
	assert.equal((await page.state()).gc, undefined, "back undoes it");
	const window = (w) => `${w.start_ns}-${w.start_ns + w.window_ns}`;
	await page.focus(".mmu-plot");
	await page.keyboard.press("Enter");
	await drawn();
	let s = await page.state();
	assert.deepEqual([s.view, s.sel], ["timeline", window(at)], "the worst window of the curve");
	await page.goBack();
	await page.settled();
	await page.click(".mmu-worst");
	await drawn();
	s = await page.state();
	assert.deepEqual([s.view, s.sel], ["timeline", window(at)], "a click on its point");
	await page.goBack();
	await page.settled();
	await tables.nth(1).focus();
	await page.keyboard.press("ArrowDown");
	await page.keyboard.press("ArrowDown");
	await page.until((x) => x.sel === window(worst[1]), "a row is a range");
	await page.keyboard.press("Enter");
	await drawn();
	s = await page.state();
	assert.deepEqual([s.view, s.sel], ["timeline", window(worst[1])]);
	page.clean();
});

test("pictures at three zooms", async () => {
	const scenes = [["all", "#/timeline"], ["near", "#/timeline?tl=1000000-11000000&open=main.main.func1&open=main.audit"], ["close", "#/timeline?tl=1900000-3000000&open=main.main.func1&lane=g11&at=2000000&pin=g11"], ["mmu", "#/mmu"]];
	for (const theme of ["light", "dark"]) {
		const p = await openPage(browser, server, { width: 1600, height: 1000, settings: { theme } });
		for (const [name, hash] of scenes) {
			await p.at(hash);
			await p.screenshot({ path: join(pictures, `timeline-${name}-${theme}.png`) });
		}
		p.clean();
		await p.context().close();
	}
});

test("moves at the screen's pace", async (t) => {
	const p = await openPage(browser, server, { settings: { inspector: false }, width: 1600, height: 1000 });
	const groups = (await p.api("/api/lanes?doc=1&group-by=function&limit=1")).groups;
	await p.at(`#/timeline?open=${encodeURIComponent(groups[0].name)}&open=${encodeURIComponent(groups[1].name)}&open=${encodeURIComponent(groups[2].name)}`);
	await drawn(p);
	const how = { selector: lanes, y: 600, zoom: 30 };
	await measure(p, how);
	const m = await measure(p, how);
	t.diagnostic(paceText(m));
	assert.ok(m.frames > 50);
	assert.ok(m.cpu <= frameMs, `a frame takes at most ${frameMs} ms of a processor: ${m.cpu}`);
	p.clean();
	await p.context().close();
});
