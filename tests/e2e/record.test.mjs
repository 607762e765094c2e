// From the page: choose a running program, record it, look at the result.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { data, openBrowser, openPage, scratch, serve } from "./browser.mjs";

const tmp = scratch();
let browser, server, target;

before(async () => {
	const dir = join(tmp.dir, "busy");
	mkdirSync(dir);
	writeFileSync(join(dir, "go.mod"), "module example.com/busy\n\ngo 1.19\n");
	writeFileSync(join(dir, "main.go"), `package main

import (
	"fmt"
	"net"
	"net/http"
	_ "net/http/pprof"
)

var sink uint64

//go:noinline
func spin(n uint64) uint64 {
	for i := uint64(0); i < n; i++ {
		n = n*6364136223846793005 + i
		if n < i { n = i }
		if i > 1<<20 { break }
	}
	return n
}

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil { panic(err) }
	fmt.Println(l.Addr())
	go http.Serve(l, nil)
	for { sink += spin(1 << 20) }
}
`);
	execFileSync("go", ["build", "-o", join(tmp.dir, "busyprog"), "."], { cwd: dir, env: { ...process.env, GOFLAGS: "-mod=mod", CGO_ENABLED: "0" } });
	target = spawn(join(tmp.dir, "busyprog"), { stdio: ["ignore", "pipe", "inherit"] });
	await new Promise((done) => target.stdout.once("data", done));
	browser = await openBrowser();
	// An editor that only notes what it was asked for.
	const bin = join(tmp.dir, "bin");
	mkdirSync(bin);
	writeFileSync(join(bin, "zed"), `#!/bin/sh\necho "$@" >> '${join(tmp.dir, "opened")}'\n`, { mode: 0o755 });
	server = await serve(data("go1.26/cpu.pprof"), { PATH: `${bin}:${process.env.PATH}` });
});

after(async () => {
	await browser?.close();
	await server?.stop();
	target?.kill("SIGKILL");
	tmp.remove();
});

test("records a local process and opens what was taken", async () => {
	const page = await openPage(browser, server);
	await page.at("#/flame");
	const known = (await page.api("/api/session")).documents.length;
	await page.keyboard.press("Shift+R");
	const row = page.locator(".record .trow", { hasText: String(target.pid) });
	await row.waitFor();
	await row.click();
	await page.fill('.record-form label:has-text("Seconds") input', "2");
	await page.click(".record-form .primary");
	await page.waitForSelector(".progress-box, .note.bad");
	assert.equal(await page.$(".note.bad"), null);
	await page.waitForSelector("dialog", { state: "detached" });
	await page.settled();
	const session = await page.api("/api/session");
	assert.ok(session.documents.length > known);
	assert.ok(Number((await page.state()).doc) > known, "the new document is open");
	const cpu = session.documents.find((d) => d.id > known && (d.sample_types ?? []).some((t) => t.type === "cpu" || t.type === "samples"));
	await page.at(`#/table?doc=${cpu.id}`);
	const names = await page.$$eval(".tbody .name", (l) => l.map((n) => n.title));
	assert.ok(names.includes("main.spin"), names.slice(0, 5).join(", "));
	page.clean();
	await page.context().close();
});

test("the source of what was recorded is found, and opens in the editor", async () => {
	const page = await openPage(browser, server);
	const session = await page.api("/api/session");
	const cpu = session.documents.findLast((d) => d.kind === "profile" && (d.sample_types ?? []).some((t) => t.type === "cpu"));
	await page.at(`#/source?doc=${cpu.id}&fn=main.spin&asm=1`);
	const lines = await page.$$eval(".lines tr.line", (l) => l.map((r) => ({ n: r.children[2].textContent, cost: r.children[0].textContent, text: r.children[3].textContent })));
	const loop = lines.find((l) => l.text.includes("n*6364136223846793005"));
	assert.ok(loop, `the source of main.spin: ${lines.map((l) => l.text).join("\n")}`);
	assert.ok(lines.some((l) => l.cost), "lines have their cost");
	assert.ok((await page.$$(".lines tr.asm")).length > 5, "instructions are below the lines");
	assert.ok(session.editors.includes("zed"));
	await page.click(`.lines tr.line .lineno >> text="${loop.n}"`);
	await page.waitForSelector(".toast");
	assert.match(await page.textContent(".toast"), /Opened/);
	assert.match(readFileSync(join(tmp.dir, "opened"), "utf8"), new RegExp(`busy/main.go:${loop.n}\\b`));
	page.clean();
	await page.context().close();
});

test("a recording can be stopped early and keeps what it has", async () => {
	const page = await openPage(browser, server);
	await page.at("#/flame");
	await page.keyboard.press("Shift+R");
	const row = page.locator(".record .trow", { hasText: String(target.pid) });
	await row.waitFor();
	await row.click();
	await page.fill('.record-form label:has-text("Seconds") input', "60");
	await page.click(".record-form .primary");
	await page.waitForSelector(".progress-box");
	const job = async () => (await page.api("/api/jobs")).jobs.filter((j) => j.kind === "record").at(-1);
	// A fortieth of a minute: the program, which never rests, was seen by then.
	while ((await job()).state === "running" && (await job()).progress < 1 / 40) await page.waitForTimeout(100);
	await page.click(".progress-box .button");
	await page.waitForSelector("dialog", { state: "detached" });
	const done = await job();
	assert.equal(done.state, "stopped");
	assert.ok(done.documents.length > 0);
	assert.ok((await page.api("/api/session")).documents.some((d) => d.id === done.documents[0]));
	await page.context().close();
});

test("says what failed when there is nothing to record", async () => {
	const page = await openPage(browser, server);
	await page.at("#/flame");
	await page.keyboard.press("Shift+R");
	await page.fill(".record-form .grow input", "http://127.0.0.1:9/");
	await page.fill('.record-form label:has-text("Seconds") input', "1");
	await page.click(".record-form .primary");
	await page.waitForSelector(".note.bad");
	assert.ok((await page.textContent(".note.bad")).length > 30);
	await page.context().close();
});
