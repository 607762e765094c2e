// A trace that is still being written, in front of the real engine: its real bytes, a generation at a time; and closing what is open.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { appendFileSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { binary, data, openBrowser, openPage, pictures, root, scratch, serve } from "./browser.mjs";

const whole = readFileSync(join(root, "fuzz/corpus/gotrace/go1.26-generations.trace"));
const lanes = ".canvas-host.lanes";
let browser, server, page, home, path, ends, written;

/** Where the k-th generation ends: what the engine says of the beginning of the file. */
function endsOf(file) {
	const count = (n) => {
		writeFileSync(file, whole.subarray(0, n));
		return Number(/events in (\d+) generation/.exec(spawnSync(binary, ["info", file], { encoding: "utf8" }).stdout)?.[1] ?? 0);
	};
	const out = [];
	for (let k = 1, least = 16; k <= 7; k++) {
		let most = whole.length;
		while (least < most) {
			const middle = (least + most) >> 1;
			if (count(middle) >= k) most = middle;
			else least = middle + 1;
		}
		out.push(least);
	}
	return out;
}

/** Writes on up to `n` bytes; the time of the file lies in the future, so that it never looks as if nobody wrote to it. */
function writeTo(n, secondsAgo = -3600) {
	appendFileSync(path, whole.subarray(written, n));
	written = n;
	const at = Date.now() / 1000 - secondsAgo;
	utimesSync(path, at, at);
}

const durationNow = async () => (await page.api("/api/lanes?doc=1&limit=1")).duration_ns;

/** Writes a further generation, and some bytes of the next; how long the trace is then, once the page has it. */
async function grow() {
	const k = ends.findIndex((e) => e > written);
	const was = await durationNow();
	writeTo(Math.min(ends[k] + 200, whole.length));
	for (;;) {
		const now = await durationNow();
		if (now > was) {
			await page.settled();
			return now;
		}
		await page.waitForTimeout(50);
	}
}

before(async () => {
	home = scratch();
	path = join(home.dir, "growing.out");
	ends = endsOf(path);
	assert.ok(ends.length === 7 && ends.every((e, i) => !i || e > ends[i - 1]), `generations end at ${ends}`);
	writeFileSync(path, "");
	written = 0;
	writeTo(ends[1] + 200);
	browser = await openBrowser();
	server = await serve("--follow", path);
	page = await openPage(browser, server, { width: 1500, height: 900 });
});

after(async () => {
	await browser?.close();
	await server?.stop();
	home?.remove();
});

test("the page follows a trace that is being written, and says so", async () => {
	await page.at("#/timeline");
	await page.waitForSelector("#following");
	assert.match(await page.textContent(".timeline .note"), /still being written.*Stop following/);
	await page.screenshot({ path: join(pictures, "follow-beginning.png") });
	await grow();
	assert.deepEqual((await page.api("/api/session")).documents.map((d) => d.id), [1], "the new reading has the place of the old one");
	await page.focus(lanes);
	await page.keyboard.press("r");
	const state = await page.until((s) => s.sel, "what is in sight as the range");
	assert.equal(Number(state.sel.split("-")[1]), await durationNow(), "the whole stays in sight as it grows");
	assert.equal(state.tl, undefined);
	page.clean();
});

test("who looks at a part keeps it, with what is selected in it; who looks at the end goes on with it", async () => {
	const goroutine = (await page.api("/api/lanes?doc=1&limit=1000")).rows.find((r) => r.name === "main.main");
	await page.at(`#/timeline?doc=1&tl=1000000-3000000&sel=1200000-2000000&lane=${goroutine.lane}&pin=${goroutine.lane}`);
	await page.waitForSelector("#following");
	const steps = await page.evaluate(() => history.length);
	let duration = await grow();
	const state = await page.state();
	assert.equal(state.tl, "1000000-3000000");
	assert.equal(state.sel, "1200000-2000000");
	assert.equal(await page.evaluate(() => history.length), steps, "growing is no step of the history");
	const now = (await page.api(`/api/lanes?doc=1&lane=${state.lane}`)).rows[0];
	assert.equal(now.id, goroutine.id, "the same goroutine is selected");
	assert.equal(state.pin, state.lane);
	await page.screenshot({ path: join(pictures, "follow-part.png") });

	await page.at(`#/timeline?doc=1&tl=${duration - 2000000}-${duration}`);
	await page.waitForSelector("#following");
	duration = await grow();
	const end = await page.until((s) => Number(s.tl?.split("-")[1]) === duration, "the end stays in sight");
	assert.ok(Math.abs(Number(end.tl.split("-")[0]) - (duration - 2000000)) <= 2, end.tl);
	page.clean();
});

test("other views follow too, and what their frames were is told by the functions", async () => {
	await page.at("#/flame?doc=1&type=wall");
	await page.waitForSelector("#following");
	const b = await (await page.$(".canvas-host")).boundingBox();
	await page.mouse.click(b.x + b.width / 3, b.y + 28);
	const fn = (await page.until((s) => s.fn, "a frame is selected")).fn;
	await grow();
	const state = await page.until((s) => s.node === undefined, "the function stays");
	assert.equal(state.fn, fn);
	const total = await page.api("/api/top?doc=1&sample-index=wall&limit=1");
	assert.equal(Number((await page.textContent(".status")).includes("wall")), 1);
	assert.ok(total.total > 0);
	await page.at("#/flame?doc=1&type=wall&z=0.25-0.5");
	await page.waitForSelector("text=Following waits");
	await page.keyboard.press("0");
	await page.waitForSelector("#following:text-is('Following')");
	page.clean();
});

test("following ends by itself when nothing more is written", async () => {
	await page.at("#/timeline?doc=1");
	await page.waitForSelector("#following");
	writeTo(whole.length, 600);
	await page.waitForSelector("#following", { state: "detached" });
	await page.settled();
	assert.equal(await page.$(".timeline .note"), null, "the trace is whole");
	assert.equal((await page.api("/api/info?doc=1")).trace.is_cut, false);
	await page.screenshot({ path: join(pictures, "follow-end.png") });
	page.clean();
});

test("documents are closed from the page; without any it opens others", async () => {
	const open = (p) => page.evaluate(async (path) => (await (await fetch("/api/open", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ path }) })).json()).documents[0], p);
	const second = await open(data("go1.22/cpu.pprof"));
	await page.at(`#/flame?doc=${second}`);
	assert.equal(await page.$$eval(".doc-pick option", (o) => o.length), 2);
	await page.click("button[aria-label='Close this document']");
	await page.until((s) => s.doc === "1" && s.view === "timeline", "the other document comes into sight");
	await page.settled();
	assert.equal(await page.$$eval(".doc-pick option", (o) => o.length), 1);
	await page.goBack();
	await page.until((s) => s.doc === "1", "the way back leads to nothing that is closed");
	await page.settled();
	await page.keyboard.press("Shift+Q");
	await page.waitForSelector(".start");
	assert.equal(await page.$(".doc-pick"), null);
	await page.screenshot({ path: join(pictures, "follow-closed.png") });
	await page.keyboard.press("Control+k");
	await page.keyboard.type(data("go1.22/cpu.pprof"));
	await page.keyboard.press("Enter");
	await page.waitForSelector(".doc-pick");
	await page.until((s) => s.doc === String(second + 1), "what is opened next is seen");
	page.clean();
});

test("what one page closes or replaces, another sees with its next question", async () => {
	const other = await openPage(browser, server);
	await other.at(`#/flame?doc=${(await page.state()).doc}`);
	await page.keyboard.press("Shift+Q");
	await page.waitForSelector(".start");
	await other.keyboard.press("2");
	await other.waitForSelector(".start");
	await other.close();
});

test("a pipe shows what has come so far", async () => {
	const child = spawn(binary, ["ui", "--no-browser", "-"], { stdio: ["pipe", "pipe", "inherit"] });
	let said = "";
	child.stdout.on("data", (text) => (said += text));
	child.stdin.write(whole.subarray(0, ends[2] + 300));
	while (!/token=\w+\s/.test(said)) await new Promise((done) => setTimeout(done, 20));
	const address = said.trim();
	const piped = await openPage(browser, { address, base: new URL(address).origin });
	await piped.waitForSelector("#following");
	assert.match(await piped.textContent(".doc-pick"), /standard input/);
	const before = (await piped.api("/api/lanes?limit=1")).duration_ns;
	child.stdin.write(whole.subarray(ends[2] + 300, ends[4]));
	while ((await piped.api("/api/lanes?limit=1")).duration_ns <= before) await piped.waitForTimeout(50);
	child.stdin.end(whole.subarray(ends[4]));
	await piped.waitForSelector("#following", { state: "detached" });
	assert.equal((await piped.api("/api/info")).trace.is_cut, false);
	piped.clean();
	await piped.close();
	const ended = new Promise((done) => child.on("exit", done));
	child.kill("SIGTERM");
	assert.equal(await ended, 0);
});
