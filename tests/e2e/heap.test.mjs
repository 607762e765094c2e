// A real heap in the page: what is alive, who retains it, what points to what, what grew; and a snapshot of a running process.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { binary, openBrowser, openPage, pictures, scratch, serve } from "./browser.mjs";

const tmp = scratch();
const program = join(tmp.dir, "holder");
const cores = [join(tmp.dir, "early.core"), join(tmp.dir, "late.core")];
let browser, server, target, refused = "";

// A cache that grows, a ring, goroutines that hold something while they wait for ever, and types whose names are an attack.
const source = `package main

import (
	"fmt"
	"os"
	"runtime"
	"time"
)

type session struct {
	name string
	body []byte
	next *session
}

type ring struct {
	peer *ring
	pad  [8192]byte
}

type box[T any] struct {
	v   T
	pad [100000]byte
}

type evil = box[struct {
	X int "<img src=x onerror=window.pwned=1>"
	Y int "</script><script>window.pwned=2</script>"
}]

var cache = map[string]*session{}
var pair *ring
var hostile []*evil
var size = 30000

type promised struct{ name string }

var later []func() int

//go:noinline
func promise(kept *promised) {
	later = append(later, func() int { return len(kept.name) })
}

func fill(n int) {
	for i := 0; i < n; i++ {
		name := fmt.Sprint("session-", len(cache))
		cache[name] = &session{name: name, body: make([]byte, 20000)}
	}
}

//go:noinline
func wait() {
	held := make([]byte, size)
	never := make(chan int)
	never <- 1
	runtime.KeepAlive(held)
}

func main() {
	runtime.MemProfileRate = 1 // each allocation is a sample: nothing is left to chance
	fill(100)
	pair = &ring{}
	pair.peer = &ring{peer: pair}
	for i := 0; i < 5; i++ {
		hostile = append(hostile, &evil{})
	}
	for i := 0; i < 20; i++ {
		go wait()
	}
	promise(&promised{name: "for later"})
	time.Sleep(50 * time.Millisecond)
	runtime.GC()
	fmt.Println("ready")
	var line string
	for {
		if _, err := fmt.Scanln(&line); err != nil {
			os.Exit(0)
		}
		fill(200)
		runtime.GC()
		fmt.Println("more")
	}
}
`;

const said = () => new Promise((done) => target.stdout.once("data", done));

before(async () => {
	const dir = join(tmp.dir, "src");
	mkdirSync(dir);
	writeFileSync(join(dir, "go.mod"), "module example.com/holder\n\ngo 1.19\n");
	writeFileSync(join(dir, "main.go"), source);
	execFileSync("go", ["build", "-o", program, "."], { cwd: dir, env: { ...process.env, GOFLAGS: "-mod=mod", CGO_ENABLED: "0" } });
	target = spawn(program, { stdio: ["pipe", "pipe", "inherit"] });
	await said();
	try {
		execFileSync(binary, ["snapshot", String(target.pid), "-q", "-o", cores[0]], { stdio: "pipe" });
		target.stdin.write("x\n");
		await said();
		execFileSync(binary, ["snapshot", String(target.pid), "-q", "-o", cores[1]], { stdio: "pipe" });
	} catch (error) {
		// Where ptrace is not allowed there is no core to look at.
		refused = String(error.stderr ?? error);
		return;
	}
	browser = await openBrowser();
	server = await serve(...cores);
});

after(async () => {
	await browser?.close();
	await server?.stop();
	target?.kill("SIGKILL");
	tmp.remove();
});

function heapTest(name, run) {
	test(name, async (t) => {
		if (refused) return t.skip(`no snapshot can be taken here: ${refused.slice(0, 200)}`);
		const page = await openPage(browser, server);
		await run(page);
		page.clean();
		await page.context().close();
	});
}

const terminal = (...words) => JSON.parse(execFileSync(binary, [...words, "--format", "json"], { maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "ignore"] }));

heapTest("the API says what the terminal says", async (page) => {
	const session = await page.api("/api/session");
	assert.deepEqual(session.documents.map((d) => d.kind), ["heap", "heap"]);
	assert.match(session.documents[0].go_version, /^go1\./);
	assert.deepEqual(await page.api("/api/heap-summary?doc=2&limit=0"), terminal("heap", "summary", "-n", "0", cores[1]));
	assert.deepEqual(await page.api("/api/heap/holders?doc=2"), terminal("heap", "holders", cores[1]));
	assert.deepEqual(await page.api("/api/heap-dominators?doc=2"), terminal("heap", "dominators", cores[1]));
	assert.deepEqual(await page.api("/api/heap-treemap?doc=2&format=json"), terminal("heap", "treemap", cores[1]));
	assert.deepEqual((await page.api("/api/heap-diff?doc=1,2")).types, terminal("heap", "diff", ...cores).types);
	const found = await page.api("/api/heap-find?doc=2&type=main%5C.ring%24");
	assert.equal(found.n_objects, 2);
	assert.deepEqual(await page.api(`/api/heap-object?doc=2&address=${found.objects[0].address}`), terminal("heap", "object", "--address", found.objects[0].address, cores[1]));
	const around = await page.api(`/api/heap-topology?doc=2&address=${found.objects[0].address}`);
	assert.equal(around.cycles, 1);
	assert.ok(around.nodes.some((n) => n.name === "var main.pair" && n.is_on_path));
});

heapTest("types lead to objects, objects to what keeps them alive", async (page) => {
	await page.at("#/");
	assert.equal((await page.state()).view, "heap");
	const facts = await page.textContent(".heap-facts");
	for (const word of ["Live", "Not freed yet", "Goroutines", "Roots", "Type not known", "go1."]) assert.ok(facts.includes(word), word);
	await page.fill("#search", "^main.session$");
	await page.waitForFunction(() => document.querySelectorAll(".tbody .trow").length === 1);
	await page.click(".tbody .trow");
	await page.waitForSelector(".inspector .ins-name >> text=session");
	await page.settled();
	const inspector = await page.textContent(".inspector");
	assert.match(inspector, /objects100/);
	assert.match(inspector, /var main\.cache/);
	await page.keyboard.press("Enter"); // the table has the focus: the type's objects
	await page.settled();
	assert.equal((await page.state()).list, "objects");
	await page.waitForFunction(() => document.querySelectorAll(".tbody .trow").length > 20);
	await page.click(".tbody .trow");
	await page.waitForSelector(".inspector .path >> text=0x");
	await page.settled();
	const state = await page.state();
	assert.match(state.obj, /^0x[0-9a-f]+$/);
	assert.match(await page.textContent(".inspector"), /Kept alive by[^]*var main\.cache/);
	// The link holds all of it; going back undoes the step to the objects.
	await page.reload();
	await page.waitForSelector(".inspector .path >> text=0x");
	assert.equal((await page.state()).obj, state.obj);
	await page.goBack();
	await page.settled();
	assert.equal((await page.state()).list, undefined);
	await page.at("#/heap?doc=1&list=holders");
	assert.match(await page.textContent(".tbody"), /var main\.cache/);
	await page.screenshot({ path: join(pictures, "heap.png") });
});

heapTest("a closure names its function and what it captured", async (page) => {
	const [closure] = (await page.api("/api/heap-find?doc=1&type=%5Efunc%20main%5C.promise")).objects;
	const object = await page.api(`/api/heap-object?doc=1&address=${closure.address}`);
	assert.equal(object.closure_of.function, "main.promise.func1");
	assert.match(object.closure_of.file, /main\.go$/);
	assert.equal(source.split("\n")[object.closure_of.line - 1].trim(), "later = append(later, func() int { return len(kept.name) })");
	await page.at(`#/heap?doc=1&obj=${closure.address}`);
	await page.waitForSelector(".inspector .path >> text=0x");
	await page.settled();
	const text = await page.textContent(".inspector");
	assert.match(text, /Closure ofmain\.promise\.func1main\.go:/);
	assert.ok(text.includes(object.fields[0].name), object.fields[0].name); // ".kept" where the compiler says so
	await page.screenshot({ path: join(pictures, "heap-closure.png") });
});

heapTest("objects, types and lines lead to where they were allocated, and from there to the flame graph and the source", async (page) => {
	const found = await page.api("/api/heap-find?doc=2&type=%5Emain%5C.session%24&limit=1");
	const at = found.objects[0].address;
	const object = await page.api(`/api/heap-object?doc=2&address=${at}`);
	const stack = object.allocations[0].stack;
	assert.ok(stack.some((f) => f.function === "main.fill"), JSON.stringify(stack));
	const line = source.split("\n").findIndex((l) => l.includes("cache[name] = &session")) + 1;
	const fill = `.allocated li:has-text("main.go:${line}")`;
	await page.at(`#/heap?doc=2&obj=${at}`);
	assert.deepEqual(await page.$$eval(".allocated .stack .name", (l) => l.map((n) => n.title)), stack.map((f) => f.function));
	await page.click(`${fill} .plain`);
	await page.settled();
	let s = await page.state();
	assert.deepEqual([s.view, s.type, s.fn, s.obj], ["flame", "inuse_space", "main.fill", undefined]);
	assert.match(await page.textContent('.tabs [aria-selected="true"]'), /Flame/);
	const top = await page.api("/api/top?doc=2&sample-index=inuse_space&limit=0");
	assert.ok(top.rows.find((r) => r.name === "main.fill").cum > 300 * 20000);
	assert.match(await page.textContent(".inspector"), /Hottest lines/, "functions, not types, are what is selected");
	await page.goBack();
	await page.settled();
	assert.deepEqual([(await page.state()).view, (await page.state()).obj], ["heap", at], "back to the object");
	await page.click(".allocated .link >> text=Source");
	await page.settled();
	assert.equal((await page.state()).view, "source");
	assert.match(await page.textContent('table.lines tr:has-text("cache[name] = &session")'), /^[\d.,]+ MB/, "the line has its bytes");
	// By type.
	await page.at("#/heap?doc=2&fn=main.session");
	assert.match(await page.textContent(".allocated"), new RegExp(`main\\.fill\\s*main\\.go:${line}`));
	// All of them, by keys; a function is no type elsewhere.
	await page.at("#/heap?doc=2&list=places");
	const places = await page.api("/api/heap-summary?doc=2&by=allocation&limit=0");
	assert.equal(Number(await page.getAttribute(".table", "aria-rowcount")), places.n_places + 1);
	await page.fill("#search", "^main.fill$");
	await page.until((x) => x.q === "^main.fill$", "the search is in the link");
	await page.waitForFunction((n) => document.querySelectorAll(".tbody .trow").length === n, places.places.filter((p) => p.function === "main.fill").length);
	await page.focus(".table");
	await page.keyboard.press("ArrowDown");
	await page.until((x) => x.fn === "main.fill", "a row is selected");
	await page.waitForSelector(".inspector .stack");
	await page.screenshot({ path: join(pictures, "allocations.png") });
	await page.click(".heap-view .segments >> text=Types");
	await page.settled();
	assert.equal((await page.state()).fn, undefined);
	await page.goBack();
	await page.settled();
	await page.focus(".table");
	await page.keyboard.press("ArrowDown");
	await page.keyboard.press("Enter");
	await page.until((x) => x.view === "flame" && x.fn === "main.fill", "Enter opens the flame graph");
});

heapTest("the treemap is walked by keys and zoomed, and has a table for a twin", async (page) => {
	await page.at("#/treemap?doc=2");
	await page.focus(".canvas-host");
	await page.keyboard.press("ArrowRight");
	await page.keyboard.press("w");
	await page.keyboard.press("ArrowRight");
	await page.waitForFunction(() => /retains/.test(document.querySelector("#status").textContent));
	const map = await page.api("/api/heap-treemap?doc=2&format=json&width=1000&height=600");
	const cache = map.boxes.find((b) => b.name === "var main.cache");
	assert.ok(cache.bytes > 300 * 20000, "the cache retains its sessions");
	await page.at(`#/treemap?doc=2&box=${cache.id}`);
	await page.focus(".canvas-host");
	await page.keyboard.press("Enter");
	await page.settled();
	assert.equal((await page.state()).map, String(cache.id));
	assert.match(await page.textContent(".crumbs"), /heap.*main\.cache/);
	await page.screenshot({ path: join(pictures, "treemap.png") });
	await page.keyboard.press("Escape");
	await page.settled();
	assert.equal((await page.state()).map, undefined);
	await page.click(".tl-bar >> text=Table");
	await page.waitForSelector('[role="treegrid"]');
	const rows = await page.$$eval('[role="treegrid"] .tbody .trow', (l) => l.map((x) => [x.getAttribute("aria-level"), x.textContent]));
	assert.ok(rows.some(([level, text]) => level === "2" && text.includes("var main.cache")));
	await page.click(".tl-bar >> text=By object");
	await page.settled();
	assert.equal((await page.state()).hby, "object");
	// A click on a box of the picture selects the object.
	await page.at("#/treemap?doc=2&hby=object");
	const place = await (await page.$(".canvas-host")).boundingBox();
	await page.mouse.click(place.x + place.width / 2, place.y + place.height / 2);
	await page.settled();
	assert.ok((await page.state()).obj || (await page.state()).fn);
});

heapTest("references are opened, walked and show cycles", async (page) => {
	const rings = await page.api("/api/heap-find?doc=2&type=main%5C.ring%24");
	const at = rings.objects[0].address;
	await page.at(`#/refs?doc=2&around=${at}`);
	await page.waitForSelector(".ref-node.focus.cycle");
	assert.ok((await page.$$(".ref-edge.cycle")).length >= 2);
	assert.ok(await page.$('.ref-node.holder[aria-label*="var main.pair"]'));
	await page.focus(".refs");
	await page.keyboard.press("ArrowLeft");
	await page.keyboard.press("ArrowRight");
	await page.waitForSelector(".ref-node.selected");
	await page.screenshot({ path: join(pictures, "references.png") });
	// By type, and from there a node that has more around it.
	await page.at("#/refs?doc=2&around=main.session");
	await page.waitForSelector('.ref-node.focus[aria-label*="300 objects"]');
	const before = (await page.$$(".ref-node")).length;
	await page.focus(".refs");
	await page.keyboard.press("ArrowLeft");
	await page.keyboard.press("Enter");
	await page.waitForFunction((n) => document.querySelectorAll(".ref-node").length >= n, before);
	await page.settled();
	assert.ok((await page.state()).more, "what is open is in the address");
	await page.keyboard.press("Escape");
	await page.settled();
	assert.equal((await page.state()).more, undefined);
});

heapTest("growth names the cache first", async (page) => {
	await page.at("#/growth?doc=2");
	await page.click(".pick button");
	await page.settled();
	assert.deepEqual([(await page.state()).doc, (await page.state()).base], ["2", "1"]);
	const [holders, types, references] = await page.$$eval(".diff-table", (l) => l.map((t) => t.querySelector(".trow").textContent));
	assert.match(holders, /^\+.*var main\.cache/);
	assert.match(types, /^\+.*uint8/);
	assert.match(references, /^\+.* → .*uint8/);
	await page.click(".diff-table .trow");
	await page.waitForSelector(".inspector >> text=package-level variable");
	await page.screenshot({ path: join(pictures, "growth.png") });
});

heapTest("goroutines that can never wake are named with their lines", async (page) => {
	await page.at("#/leaks?doc=2&base=1");
	const facts = await page.textContent(".heap-facts");
	assert.match(facts, /Can never wake20/);
	assert.match(facts, /They hold/);
	const head = await page.textContent(".leaks .gor-head");
	assert.match(head, /20.*proven.*main\.wait.*main\.go:\d+.*chan send/);
	const body = await page.textContent(".leaks .gor-body");
	assert.match(body, /created by.*main\.main/);
	assert.match(body, /nobody else has it in hand/);
	assert.match(body, /chan int/);
	// The cache has gathered most of the heap, and it grew.
	assert.match(await page.textContent('section[aria-label="Memory"]'), /main\.cache/);
	await page.screenshot({ path: join(pictures, "leaks.png") });
	// Closing a row is part of the address; the channel it waits for is an object as any other.
	await page.click(".leaks .gor-body .link >> text=chan int");
	await page.waitForSelector(".inspector .path >> text=0x");
	await page.focus(".leaks .gor-head");
	await page.keyboard.press("Enter");
	await page.waitForFunction(() => document.querySelector(".leaks .gor-head").getAttribute("aria-expanded") === "false");
	assert.ok((await page.state()).fold);
	await page.fill("#search", "nothing has this name");
	await page.waitForSelector("text=No place matches the search");
	assert.deepEqual((await page.api("/api/leaks?doc=2&memory=0")).proven_goroutines, 20);
});

heapTest("what each goroutine did stands in the memory", async (page) => {
	await page.at("#/goroutines?doc=2");
	await page.waitForSelector(".goroutines .gor-head");
	const head = await page.textContent(".goroutines .gor-head");
	assert.match(head, /20.*main\.wait.*chan send/);
	assert.equal(await page.isVisible(".inspector"), false, "a goroutine is no object");
	await page.screenshot({ path: join(pictures, "heap-goroutines.png") });
});

heapTest("frames lead to their lines", async (page) => {
	await page.at(`#/source?doc=2&fn=${encodeURIComponent("frame main.wait")}`);
	const code = await page.textContent("table.lines");
	assert.match(code, /never <- 1/);
	assert.match(await page.textContent(".heat-6, .heat-5, .heat-4, .heat-3, .heat-2"), /B/);
});

heapTest("type names are shown, never run", async (page) => {
	const s = await page.api("/api/heap-summary?doc=2&limit=0");
	const evil = s.types.find((t) => t.type.includes("onerror"));
	assert.ok(evil, "the engine keeps the name");
	const e = encodeURIComponent(evil.type);
	const o = (await page.api("/api/heap-find?doc=2&limit=400")).objects.find((x) => x.type === evil.type);
	for (const place of [
		`#/heap?doc=2&fn=${e}`, `#/heap?doc=2&list=objects&fn=${e}`, `#/treemap?doc=2&fn=${e}`, "#/treemap?doc=2&mtable=1", `#/flame?doc=2&fn=${e}`, "#/tree?doc=2",
		`#/refs?doc=2&around=${e}`, `#/refs?doc=2&around=${o.address}&obj=${o.address}`, `#/growth?doc=2&base=1&fn=${e}`, "#/leaks?doc=2", `#/refs?doc=2&around=${encodeURIComponent("<img src=x onerror=window.pwned=3>")}`,
		"#/heap?doc=2&obj=0x1", `#/treemap?doc=2&map=${encodeURIComponent("<b>")}`,
	]) {
		await page.at(place);
		assert.deepEqual(await page.evaluate(() => ({ pwned: window.pwned, foreign: document.querySelectorAll("#app script, #app img, #app [onerror]").length })), { pwned: undefined, foreign: 0 }, place);
	}
	const svg = execFileSync(binary, ["heap", "treemap", "--by", "object", cores[1]], { maxBuffer: 1 << 26, stdio: ["ignore", "pipe", "ignore"] }).toString();
	assert.ok(svg.includes("onerror") && !svg.includes("<img") && !svg.includes("<script"));
	// What there is not is an error with the engine's words; the browser logs those.
	await page.waitForSelector(".state [class*=mono], .state-text");
	assert.deepEqual(page.complaints.splice(0).filter((c) => !/Failed to load resource/.test(c)), []);
});

heapTest("a running process is snapshot with one click, and the page says before and after how long it pauses", async (plain) => {
	// However busy the machine is, no pause is too long here.
	const page = await openPage(browser, server, { settings: { pauseMs: 60_000 } });
	await plain.at("#/heap");
	await page.at("#/heap");
	await page.keyboard.press("Shift+R");
	const row = page.locator(".record .trow", { hasText: String(target.pid) });
	await row.waitFor();
	await row.click();
	await page.waitForSelector("#snapshot-plan >> text=/stand still for about [\\d.,]+ [nµm]?s/");
	const plan = await page.api(`/api/snapshot-plan?pid=${target.pid}`);
	assert.ok(plan.predicted_pause_ns > 0 && plan.obstacle === null, JSON.stringify(plan));
	assert.match(await page.textContent("#snapshot-plan"), { precopy: /writes to while its memory is copied/, fork: /copy-on-write/, copy: /while its memory is copied/ }[plan.how]);
	await page.click("text=Snapshot of the heap");
	await page.waitForSelector("dialog", { state: "detached" });
	await page.settled();
	const state = await page.state();
	assert.ok(Number(state.doc) > 2, "the new heap is open");
	assert.equal(state.view, "heap");
	assert.match(await page.textContent(".heap-facts"), /Pause[\d.]+ [nµm]?s/);
	const jobs = (await page.api("/api/jobs")).jobs.filter((j) => j.kind === "snapshot" && j.state === "done");
	assert.equal(jobs.length, 1);
	assert.ok(jobs[0].snapshot.pause_ns > 0);
	const mine = await page.api(`/api/heap-find?doc=${state.doc}&type=%5Emain%5C.session%24&limit=1`);
	assert.equal(mine.n_objects, 300);
	// The process goes on as if nothing had been.
	target.stdin.write("x\n");
	await said();
	// One that is not there is told plainly.
	const answer = await page.evaluate(async () => {
		const r = await fetch("/api/snapshot", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ pid: 2147483646 }) });
		return [r.status, (await r.json()).error.text];
	});
	assert.ok(answer[0] >= 400 && /2147483646/.test(answer[1]), String(answer));
	await page.context().close();
});

heapTest("a pause longer than agreed is asked about, and nothing is taken before", async (plain) => {
	const page = await openPage(browser, server, { settings: { pauseMs: 0 } });
	await plain.at("#/heap");
	await page.at("#/heap");
	const taken = async () => (await page.api("/api/jobs")).jobs.filter((j) => j.kind === "snapshot").length;
	const before = await taken();
	await page.keyboard.press("Shift+R");
	await page.locator(".record .trow", { hasText: String(target.pid) }).click();
	await page.click("text=Snapshot of the heap");
	await page.waitForSelector('[role="alertdialog"]');
	assert.match(await page.textContent('[role="alertdialog"]'), /would stand still for about/);
	await page.click("text=Leave it");
	await page.waitForSelector('[role="alertdialog"]', { state: "detached" });
	assert.equal(await taken(), before);
	await page.click("text=Snapshot of the heap");
	await page.waitForSelector('[role="alertdialog"] .button:focus');
	await page.keyboard.press("Enter");
	while ((await taken()) === before || (await page.api("/api/jobs")).jobs.some((j) => j.state === "running")) await page.waitForTimeout(50);
	// The engine refuses by itself what was not agreed to.
	const job = await page.evaluate(async (pid) => {
		const post = await fetch("/api/snapshot", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ pid, max_pause_ns: 1 }) });
		const { job: id } = await post.json();
		for (;;) {
			const j = await (await fetch(`/api/jobs?id=${id}`)).json();
			if (j.state !== "running") return j;
		}
	}, target.pid);
	assert.equal(job.state, "failed");
	assert.match(JSON.stringify(job.error), /more than the 0\.0 ms allowed/);
	await page.context().close();
});

heapTest("a core without its program says what to do", async (page) => {
	const moved = join(tmp.dir, "lonely.core");
	copyFileSync(cores[0], moved);
	renameSync(program, `${program}.elsewhere`);
	const answer = await page.evaluate(async (path) => {
		const r = await fetch("/api/open", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ path }) });
		return [r.status, (await r.json()).error.text];
	}, moved);
	assert.ok(answer[0] >= 400 && /--binary/.test(answer[1]), String(answer));
	const open = execFileSync(binary, ["heap", "summary", "--binary", `${program}.elsewhere`, "--format", "json", moved], { stdio: ["ignore", "pipe", "ignore"] });
	assert.ok(JSON.parse(open).objects > 300);
	assert.ok(readdirSync(tmp.dir).includes("lonely.core"));
	page.complaints.splice(0);
});
