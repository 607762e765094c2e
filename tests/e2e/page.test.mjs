// The page in front of the real engine, on real profiles of real Go programs.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { data, openBrowser, openPage, pictures, scratch, serve } from "./browser.mjs";
import { cpuProfile } from "./pprof.mjs";

let browser, server, page, other;
const tmp = scratch();

before(async () => {
	browser = await openBrowser();
	server = await serve(data("go1.26/cpu.pprof"), data("go1.27/cpu.pprof"), data("go1.26/heap.pprof"), data("go1.26/goroutine.debug2.txt"));
	page = await openPage(browser, server);
});

after(async () => {
	await browser?.close();
	await server?.stop();
	tmp.remove();
});

const canvas = ".canvas-host";

/** "1.23 s" and the like, back to the raw unit */
function raw(text) {
	const m = /^([+−-]?)([\d,]+(?:\.\d+)?)(?:\s*(ns|µs|ms|s|min|h|B|kB|MB|GB|TB))?$/.exec(text.trim());
	assert.ok(m, `a number with a unit: ${JSON.stringify(text)}`);
	const factor = { ns: 1, "µs": 1e3, ms: 1e6, s: 1e9, min: 60e9, h: 3600e9, B: 1, kB: 1024, MB: 1024 ** 2, GB: 1024 ** 3, TB: 1024 ** 4 }[m[3]] ?? 1;
	return (m[1] === "−" || m[1] === "-" ? -1 : 1) * Number(m[2].replaceAll(",", "")) * factor;
}

/** equal within what three figures can say */
function near(shown, exact, what) {
	assert.ok(Math.abs(shown - exact) <= Math.abs(exact) * 0.006 + 1e-9, `${what}: the page shows ${shown}, the engine says ${exact}`);
}

test("opens with the shape of the problem and no complaint", async () => {
	await page.at("#/flame");
	assert.match(await page.title(), /gospect/);
	assert.equal((await page.state()).view, "flame");
	const painted = await page.evaluate((sel) => {
		const c = document.querySelector(`${sel} canvas`);
		const colors = new Set();
		const pixels = c.getContext("2d").getImageData(0, 0, c.width, 60).data;
		for (let i = 0; i < pixels.length; i += 4) colors.add((pixels[i] << 16) | (pixels[i + 1] << 8) | pixels[i + 2]);
		return colors.size;
	}, canvas);
	assert.ok(painted > 4, `the canvas shows ${painted} colours`);
	page.clean();
});

test("the table holds the numbers of GET /api/top", async () => {
	await page.at("#/table");
	const top = await page.api("/api/top?doc=1&limit=0");
	const rows = await page.$$eval(".tbody .trow", (list) =>
		list.map((r) => ({ cells: [...r.children].map((c) => c.innerText.trim()), name: r.querySelector(".name").title })));
	assert.ok(rows.length >= Math.min(10, top.rows.length));
	const sorted = [...top.rows].sort((a, b) => b.flat - a.flat);
	for (const [i, row] of rows.entries()) {
		const engine = top.rows.find((r) => r.name === row.name);
		assert.ok(engine, `a function of the engine: ${row.name}`);
		assert.equal(engine.flat, sorted[i].flat, "rows are in the order of flat");
		near(raw(row.cells[0]), engine.flat, `${row.name} flat`);
		near(raw(row.cells[2]), engine.cum, `${row.name} cum`);
		near(parseFloat(row.cells[1].replace("<", "")), engine.flat_pct, `${row.name} flat %`);
		if (engine.samples !== undefined) assert.equal(raw(row.cells[4]), engine.samples);
	}
	assert.equal(Number(await page.getAttribute(".table", "aria-rowcount")), top.rows.length + 1);
	await page.click(".thead .sort >> text=Cum");
	await page.settled();
	assert.equal((await page.state()).sort, "-cum");
	const first = await page.$eval(".tbody .trow .name", (n) => n.title);
	assert.equal(top.rows.find((r) => r.name === first).cum, Math.max(...top.rows.map((r) => r.cum)));
	page.clean();
});

test("a click selects a frame everywhere; back and forward undo and redo it", async () => {
	await page.at("#/flame");
	const graph = await page.api("/api/top?doc=1&limit=1&sort=cum");
	const box = await (await page.$(canvas)).boundingBox();
	await page.mouse.click(box.x + 30, box.y + 28);
	await page.settled();
	const picked = await page.state();
	assert.ok(picked.fn, "the first frame under the root is selected");
	assert.equal(await page.$eval(".inspector .path", (n) => n.textContent.length > 0), true);
	const facts = await page.$$eval(".facts tbody tr", (rows) => Object.fromEntries(rows.map((r) => [r.children[0].textContent, r.children[1].textContent])));
	assert.ok(raw(facts.total) > 0 && raw(facts.total) <= graph.total * 1.001);
	await page.mouse.click(box.x + 30, box.y + 47);
	await page.settled();
	const second = await page.state();
	assert.notEqual(second.node, picked.node);
	await page.goBack();
	await page.settled();
	assert.equal((await page.state()).node, picked.node);
	await page.goForward();
	await page.settled();
	assert.equal((await page.state()).node, second.node);
	assert.match(await page.textContent("#status"), /total .* self /s);
	page.clean();
});

test("keys alone: walk, fit, focus, step back", async () => {
	await page.at("#/flame");
	await page.focus(canvas);
	await page.keyboard.press("ArrowDown");
	await page.keyboard.press("ArrowDown");
	await page.settled();
	const child = await page.state();
	assert.ok(child.fn);
	await page.keyboard.press("ArrowDown");
	await page.settled();
	assert.notEqual((await page.state()).node, child.node);
	await page.keyboard.press("ArrowUp");
	await page.settled();
	assert.equal((await page.state()).node, child.node);
	for (let i = 0; i < 4; i++) await page.keyboard.press("w");
	await page.until((s) => /^[\d.e-]+-[\d.e-]+$/.test(s.z ?? ""), "the zoom is in the URL");
	await page.keyboard.press("Escape");
	await page.until((s) => s.z === undefined, "the step back shows all");
	await page.keyboard.press("Enter");
	await page.waitForFunction((id) => new URLSearchParams(location.hash.split("?")[1]).get("root") === id, child.node);
	await page.settled();
	await page.keyboard.press("Escape");
	await page.waitForFunction(() => !new URLSearchParams(location.hash.split("?")[1]).has("root"));
	await page.settled();
	for (const [key, name, value] of [["i", "invert", "1"], ["o", "order", "name"], ["u", "up", "1"]]) {
		await page.keyboard.press(key);
		await page.settled();
		assert.equal((await page.state())[name], value, `${key} sets ${name}`);
		await page.keyboard.press(key);
		await page.settled();
		assert.equal((await page.state())[name], undefined);
	}
	for (const [key, view] of [["2", "tree"], ["3", "sandwich"], ["4", "table"], ["5", "source"], ["1", "flame"], ["t", "table"], ["y", "tree"]]) {
		await page.keyboard.press(key);
		await page.settled();
		assert.equal((await page.state()).view, view, `${key} opens ${view}`);
	}
	await page.keyboard.press("?");
	await page.waitForSelector("dialog .help");
	await page.keyboard.press("Escape");
	await page.waitForSelector("dialog", { state: "detached" });
	page.clean();
});

test("the palette finds a function by part of its name", async () => {
	await page.at("#/flame");
	await page.keyboard.press("Control+k");
	await page.waitForSelector(".palette-input:focus");
	const target = (await page.api("/api/top?doc=1&limit=0")).rows.find((r) => r.name.startsWith("main."));
	await page.keyboard.type(target.name);
	await page.waitForSelector(".palette-list .kind >> text=function");
	await page.keyboard.press("Enter");
	await page.settled();
	assert.equal((await page.state()).fn.startsWith("main."), true);
	await page.waitForSelector("dialog", { state: "detached" });
	await page.keyboard.press("Control+k");
	await page.waitForSelector(".palette-input:focus");
	await page.keyboard.type("dark");
	await page.waitForFunction(() => document.querySelector('.palette-list [aria-selected="true"]')?.textContent.includes("dark"));
	await page.keyboard.press("Enter");
	await page.waitForFunction(() => document.documentElement.dataset.theme === "dark");
	await page.evaluate(() => localStorage.clear());
	page.clean();
});

test("search: the matched share is the engine's, filter is another thing than highlight", async () => {
	await page.at("#/flame");
	await page.keyboard.press("/");
	await page.keyboard.type("main\\.hot|runtime\\.");
	await page.waitForSelector(".matched b");
	await page.until((s) => s.q === "main\\.hot|runtime\\.", "the search is in the URL");
	await page.settled();
	const engine = await page.api(`/api/search?doc=1&query=${encodeURIComponent("(?i)main\\.hot|runtime\\.")}`);
	assert.ok(engine.matched > 0 && engine.matched <= engine.total);
	near(parseFloat(await page.textContent(".matched b")), (100 * engine.matched) / engine.total, "matched %");
	await page.keyboard.press("Enter");
	await page.settled();
	const picked = (await page.state()).fn;
	assert.match(picked, /main\.hot|runtime\./i, "Enter goes to the first match");
	await page.keyboard.press("n");
	await page.settled();
	assert.match((await page.state()).fn, /main\.hot|runtime\./i);
	await page.at("#/table?q=main%5C.hot&mode=filter");
	const filtered = await page.api(`/api/top?doc=1&limit=0&focus=${encodeURIComponent("(?i)main\\.hot")}`);
	assert.equal(Number(await page.getAttribute(".table", "aria-rowcount")), filtered.rows.length + 1);
	await page.keyboard.press("x");
	await page.settled();
	assert.equal((await page.state()).mode, undefined);
	assert.ok((await page.$$(".trow.found")).length > 0);
	assert.ok((await page.$$(".trow.faded")).length > 0);
	page.clean();
});

test("what is no regular expression is searched as it is", async () => {
	await page.at(`#/table?q=${encodeURIComponent("(*Cache")}`);
	assert.match(await page.textContent(".matched"), /literal/);
	page.clean();
});

test("transforms make a trail that can be cut and undone", async () => {
	const rows = (await page.api("/api/top?doc=1&limit=0&sort=cum")).rows;
	const victim = rows.find((r) => r.name === "main.hot") ?? rows.find((r) => r.name.startsWith("main.") && r.flat > 0) ?? rows[2];
	await page.at(`#/table?fn=${encodeURIComponent(victim.name)}`);
	await page.click(".trow.selected", { button: "right" });
	await page.waitForSelector(".menu");
	await page.click(".menu button >> text=Hide function");
	await page.settled();
	assert.equal((await page.state()).t, `hide-function:${victim.name}`);
	const names = await page.$$eval(".tbody .name", (l) => l.map((n) => n.title));
	assert.ok(!names.includes(victim.name), "a hidden function is in no row");
	assert.match(await page.textContent(".trail"), /hide/);
	await page.keyboard.press("r");
	await page.settled();
	assert.equal((await page.$$(".crumb")).length, 2);
	await page.keyboard.press("Control+z");
	await page.settled();
	assert.equal((await page.$$(".crumb")).length, 1);
	await page.keyboard.press("Control+Shift+Z");
	await page.settled();
	assert.equal((await page.$$(".crumb")).length, 2);
	await page.click(".crumb .icon >> nth=0");
	await page.settled();
	assert.equal((await page.state()).t, "collapse-recursion:*");
	await page.goBack();
	await page.settled();
	assert.equal((await page.$$(".crumb")).length, 2);
	for (const kind of ["focus-function", "only-function", "drop-function", "collapse-function", "collapse-recursion"]) {
		await page.at(`#/table?t=${kind}:${encodeURIComponent(victim.name)}`);
		assert.equal(await page.$(".state[role=alert]"), null, `${kind} is answered`);
	}
	// A hidden function that is still selected has no callers to ask for: the browser notes the 404 that says so.
	assert.deepEqual(page.complaints.splice(0).filter((c) => !/status of 404/.test(c)), []);
});

test("labels: counted, picked, grouped", async () => {
	const session = await page.api("/api/session");
	assert.ok(session.documents[0].labels.includes("handler"), "the profile has the label handler");
	await page.at("#/flame?drawer=labels");
	const tags = await page.api("/api/tags?doc=1");
	const handler = tags.keys.find((k) => k.key === "handler");
	const section = page.locator(".facets section", { has: page.locator("h3", { hasText: /^handler/ }) });
	assert.equal(await section.locator("li").count(), handler.values.length);
	const value = handler.values[0];
	await section.locator("li button >> nth=0").click();
	await page.settled();
	assert.equal((await page.state()).label, `+handler:${value.value}`);
	const total = (await page.api(`/api/top?doc=1&limit=0&tagfocus=${encodeURIComponent(`^handler:(${value.value.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")})$`)}`)).rows.reduce((s, r) => s + r.flat, 0);
	near(total, value.total, "the samples of the picked label");
	await page.at("#/tree?group=handler");
	const rows = await page.$$eval('.trow[aria-level="2"] .name', (l) => l.map((n) => n.title));
	assert.ok(rows.some((r) => r.includes(value.value)), `a branch for ${value.value}: ${rows.join(", ")}`);
	page.clean();
});

test("samples: whole stacks, leaf first", async () => {
	await page.at("#/flame?drawer=samples");
	const traces = await page.api("/api/traces?doc=1&limit=200&offset=0&sort=value");
	assert.ok(traces.rows.length > 0);
	assert.equal(Number(await page.getAttribute(".samples .table", "aria-rowcount")), traces.rows.length + 1);
	const stack = await page.$$eval(".samples-stack .stack .name", (l) => l.map((n) => n.title));
	assert.equal(stack.length, traces.rows[0].stack.length);
	page.clean();
});

test("sandwich: the function in the middle of its callers and callees", async () => {
	const rows = (await page.api("/api/top?doc=1&limit=0&sort=cum")).rows;
	const fn = rows.find((r) => r.name.startsWith("main.") && r.cum > r.flat && r.flat >= 0) ?? rows[1];
	await page.at(`#/sandwich?fn=${encodeURIComponent(fn.name)}`);
	assert.equal((await page.$$(canvas)).length, 2);
	assert.equal(await page.$(".state[role=alert]"), null);
	const peek = await page.api(`/api/peek?doc=1&function=${encodeURIComponent(`^${fn.name.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")}$`)}`);
	const row = peek.rows.find((r) => r.name === fn.name);
	assert.equal(row.cum, fn.cum, "peek and top agree");
	const edges = await page.$$eval(".inspector section ul.edges >> nth=0", (l) => l.length);
	assert.ok(edges >= 1);
	page.clean();
});

test("source: cost per line adds up to the function, instructions open below", async () => {
	const fn = (await page.api("/api/top?doc=1&limit=1")).rows[0];
	await page.at(`#/source?fn=${encodeURIComponent(fn.name)}`);
	const answer = await page.api(`/api/list?doc=1&function=${encodeURIComponent(`^${fn.name.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")}$`)}`);
	const f = answer.functions[0];
	near(f.lines.reduce((s, l) => s + (l.flat || 0), 0), f.flat, "the lines of the function");
	near(f.flat, fn.flat, "the function");
	const shown = await page.$$eval(".lines tr.line", (l) => l.map((r) => r.children[2].textContent));
	assert.deepEqual(shown, f.lines.map((l) => String(l.n)));
	if (f.missing) assert.ok(await page.isVisible(".source .note"), "it says why there is no text");
	page.clean();
});

test("diff: signed numbers, new and removed functions, and what cannot be told", async () => {
	await page.at("#/diff?doc=2");
	assert.match(await page.textContent(".state"), /Compare/);
	await page.click(".pick button >> nth=0");
	await page.settled();
	assert.equal((await page.state()).base, "1");
	const engine = await page.api("/api/diff?doc=2&base=1&limit=0");
	const rows = await page.$$eval(".diff-table .trow", (l) => l.map((r) => ({ cells: [...r.children].map((c) => c.innerText.trim()), name: r.querySelector(".name").title })));
	assert.ok(rows.length > 3);
	for (const row of rows) {
		const e = engine.rows.find((r) => r.name === row.name);
		near(raw(row.cells[0]), e.flat - (e.base_flat ?? 0), `${row.name} Δ flat`);
		if (e.significant === false) assert.equal(row.cells[1], "too few");
		else if (e.state === "new" || e.state === "removed") assert.equal(row.cells[1], e.state);
	}
	assert.equal(await page.$(".diff-flame .state[role=alert]"), null);
	await page.click('[aria-label="Swap before and after"]');
	await page.settled();
	assert.deepEqual([(await page.state()).doc, (await page.state()).base], ["1", "2"]);
	page.clean();
});

test("heap: sample types, units, raw counts", async () => {
	await page.at("#/table?doc=3&type=inuse_space");
	assert.deepEqual(await page.$$eval('select', (l) => [...l].flatMap((s) => [...s.options].map((o) => o.value)).filter((v) => /space|objects/.test(v))), ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"]);
	await page.selectOption('label:has-text("Unit") select', "kB");
	await page.settled();
	const cells = await page.$$eval(".tbody .trow > :first-child", (l) => l.map((c) => c.innerText));
	assert.ok(cells.filter((c) => c !== "0").every((c) => /kB$/.test(c)), cells.slice(0, 3).join());
	await page.selectOption('label:has-text("Type") select', "alloc_objects");
	await page.settled();
	assert.equal((await page.state()).type, "alloc_objects");
	assert.match(await page.textContent(".status"), /raw samples/);
	page.clean();
});

test("keys find their way: into the palette at once, to the rows of a view from anywhere", async () => {
	await page.at("#/table");
	await page.evaluate(() => document.activeElement?.blur());
	await page.keyboard.press("ArrowDown");
	await page.keyboard.press("ArrowDown");
	await page.settled();
	const names = await page.$$eval(".tbody .trow .name", (l) => l.map((n) => n.title));
	assert.equal((await page.state()).fn, names[1], "the first key takes the first row");
	await page.keyboard.press("Control+k");
	for (const key of "/nowhere/x") await page.keyboard.press(key);
	assert.equal(await page.inputValue(".palette-input"), "/nowhere/x");
	await page.keyboard.press("Enter");
	await page.waitForSelector(".toast.bad");
	assert.match(await page.textContent(".toast.bad"), /cannot open \/nowhere\/x: No such file/);
	assert.match(page.complaints.splice(0).join(), /^console: [^\n]*404 \(Not Found\)$/);
});

test("what is open beside it is one click away; what matches is counted whole", async () => {
	await page.at("#/flame?doc=1");
	assert.deepEqual(await page.$$eval('.inspector section:has-text("Also open") .name', (l) => l.map((n) => n.textContent)), ["cpu.pprof", "heap.pprof", "goroutine.debug2.txt"]);
	await page.click('.inspector section:has-text("Also open") button:has-text("heap.pprof")');
	await page.settled();
	assert.equal((await page.state()).doc, "3");
	await page.at("#/table?doc=1&q=e");
	const found = await page.api("/api/search?doc=1&limit=0&query=(?i)e");
	assert.ok(found.count > 40, "more than an answer of the search lists by itself");
	assert.match(await page.textContent(".matched"), new RegExp(`in ${found.functions.length} functions`));
	page.clean();
});

test("a question that cannot be answered says why, and how to go on", async () => {
	await page.at("#/flame?doc=1&filter=bad%20((");
	assert.match(await page.textContent(".state[role=alert]"), /This cannot be asked.*a field .* expected/s);
	page.complaints.splice(0);
	await page.click(".state[role=alert] button");
	await page.settled();
	assert.equal((await page.state()).filter, undefined);
	assert.equal(await page.$(".state[role=alert]"), null);
	page.clean();
});

test("goroutines: groups, states and search", async () => {
	await page.at("#/goroutines?doc=4");
	const engine = await page.api("/api/goroutines?doc=4&group-by=stack");
	assert.ok(engine.total > 5);
	assert.match(await page.textContent(".gor-bar"), new RegExp(`^${engine.total}\\b`));
	const counts = await page.$$eval(".gor-head .bar-text", (l) => l.map((x) => Number(x.textContent.replaceAll(",", ""))));
	assert.deepEqual(counts, engine.groups.map((g) => g.count));
	assert.equal(counts.reduce((a, b) => a + b, 0), engine.total);
	for (const way of ["state", "wait", "creator"]) {
		await page.at(`#/goroutines?doc=4&gby=${way}`);
		const e = await page.api(`/api/goroutines?doc=4&group-by=${way}`);
		assert.equal((await page.$$(".gor")).length, e.groups.length, way);
	}
	await page.at("#/goroutines?doc=4");
	await page.click(".gor-states button >> nth=0");
	await page.settled();
	assert.ok((await page.state()).gstate);
	page.clean();
});

test("the tree is the graph for those who cannot see it", async () => {
	await page.at("#/flame");
	assert.equal(await page.getAttribute(canvas, "role"), "application");
	assert.equal(await page.getAttribute("#status", "aria-live"), "polite");
	await page.at("#/tree");
	assert.equal(await page.getAttribute(".table", "role"), "treegrid");
	await page.focus(".table");
	await page.keyboard.press("Home");
	await page.settled();
	const active = () => page.evaluate(() => {
		const row = document.getElementById(document.querySelector(".table").getAttribute("aria-activedescendant"));
		return { level: row.getAttribute("aria-level"), expanded: row.getAttribute("aria-expanded"), text: row.innerText };
	});
	assert.deepEqual([(await active()).level, (await active()).expanded], ["1", "true"]);
	await page.keyboard.press("ArrowLeft");
	await page.settled();
	assert.equal((await active()).expanded, "false");
	assert.equal((await page.$$(".tbody .trow")).length, 1);
	await page.keyboard.press("ArrowRight");
	await page.settled();
	await page.keyboard.press("ArrowRight");
	await page.settled();
	assert.equal((await active()).level, "2");
	page.clean();
});

test("exports answer with files", async () => {
	await page.at("#/flame");
	await page.keyboard.press("Shift+E");
	await page.waitForSelector(".choices a");
	const links = await page.$$eval(".choices a", (l) => l.map((a) => [a.getAttribute("download"), a.href]));
	assert.ok(links.length >= 6);
	for (const [name, href] of links) {
		const got = await page.evaluate(async (u) => {
			const r = await fetch(u);
			const bytes = new Uint8Array(await r.arrayBuffer());
			return { status: r.status, disposition: r.headers.get("content-disposition"), size: bytes.length, head: [...bytes.slice(0, 4)] };
		}, href);
		assert.equal(got.status, 200, `${name}: ${href}`);
		assert.ok(got.size > 100, `${name} has ${got.size} bytes`);
		assert.match(got.disposition ?? "", /attachment/, name);
		if (name.endsWith(".png")) assert.deepEqual(got.head, [0x89, 0x50, 0x4e, 0x47]);
		if (name.endsWith(".pb.gz")) assert.deepEqual(got.head.slice(0, 2), [0x1f, 0x8b]);
	}
	page.clean();
});

test("a lost WebGL context goes on with the plain canvas", async () => {
	other = await openPage(browser, server, { settings: { renderer: "webgl2" } });
	await other.at("#/flame");
	const kind = () => other.getAttribute(canvas, "data-renderer");
	if ((await kind()) === "webgl2") {
		await other.evaluate((sel) => document.querySelector(`${sel} canvas`).getContext("webgl2").getExtension("WEBGL_lose_context").loseContext(), canvas);
		await other.waitForFunction((sel) => document.querySelector(sel).dataset.renderer === "canvas2d", canvas);
	}
	assert.equal(await kind(), "canvas2d");
	assert.equal(await other.$$eval(`${canvas} canvas`, (l) => l.length), 1);
	await other.context().close();
});

test("every view, light and dark, as pictures", async () => {
	const fn = encodeURIComponent((await page.api("/api/top?doc=1&limit=1")).rows[0].name);
	const views = {
		flame: "#/flame", selected: `#/table?fn=${fn}`, search: "#/flame?q=runtime", tree: "#/tree", sandwich: `#/sandwich?fn=${fn}`, source: `#/source?fn=${fn}&asm=1`,
		goroutines: "#/goroutines?doc=4", diff: "#/diff?doc=2&base=1", samples: "#/flame?drawer=samples", labels: "#/flame?drawer=labels&group=handler", info: "#/table?drawer=info", heap: "#/flame?doc=3",
	};
	for (const theme of ["light", "dark"]) {
		const p = await openPage(browser, server, { theme });
		for (const [name, hash] of Object.entries(views)) {
			await p.at(hash);
			assert.equal(await p.$(".state[role=alert]"), null, `${name} shows no error`);
			writeFileSync(join(pictures, `${name}-${theme}.png`), await p.screenshot());
		}
		p.clean();
		await p.context().close();
	}
});

test("a profile without samples says so in every view", async () => {
	writeFileSync(join(tmp.dir, "empty.pprof"), cpuProfile([]));
	const empty = await serve(join(tmp.dir, "empty.pprof"));
	const p = await openPage(browser, empty);
	for (const view of ["flame", "tree", "table", "source", "sandwich"]) {
		await p.at(`#/${view}`);
		assert.match(await p.textContent("#view .state"), /No samples in this profile/, view);
	}
	p.clean();
	await p.context().close();
	await empty.stop();
});

test("matches that are too narrow to be drawn are said, and can be kept alone", async () => {
	writeFileSync(join(tmp.dir, "narrow.pprof"), cpuProfile([{ stack: ["main.work", "main.main"], count: 1_000_000 }, { stack: ["main.needle", "main.main"], count: 1 }]));
	const narrow = await serve(join(tmp.dir, "narrow.pprof"));
	const p = await openPage(browser, narrow);
	await p.at("#/flame?q=needle");
	await p.focus(canvas);
	await p.keyboard.press("n");
	await p.waitForSelector(".toast");
	assert.match(await p.textContent(".toast"), /No match is wide enough/);
	await p.keyboard.press("x");
	await p.settled();
	await p.keyboard.press("ArrowDown");
	await p.keyboard.press("ArrowDown");
	await p.keyboard.press("ArrowDown");
	await p.settled();
	assert.equal((await p.state()).fn, "main.needle");
	p.clean();
	await p.context().close();
	await narrow.stop();
});

test("says so when the engine is gone", async () => {
	const brief = await serve(data("go1.26/cpu.pprof"));
	const p = await openPage(browser, brief);
	await p.at("#/flame");
	await brief.stop();
	await p.keyboard.press("i");
	await p.waitForSelector(".state[role=alert]");
	assert.match(await p.textContent(".state[role=alert]"), /gospect has stopped/);
	await p.context().close();
});
