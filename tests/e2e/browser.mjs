// A running gospect and a real Chromium in front of it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../", import.meta.url));
const { chromium } = createRequire(join(root, "ui/package.json"))("playwright-core");
export const binary = resolve(process.env.GOSPECT ?? join(root, "build/gospect"));
export const data = (path) => join(root, "tests/data", path);

/** Where pictures of the page go, to be looked at. */
export const pictures = process.env.E2E_PICTURES ?? join(root, "build/e2e");
mkdirSync(pictures, { recursive: true });

export function scratch() {
	const dir = mkdtempSync(join(tmpdir(), "gospect-e2e-"));
	return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** How long something may take before it counts as never: machines that test are slow and busy. */
const patienceMs = 120_000;

/** Starts `gospect ui` on the files and waits for the address it prints. A last argument that is an object adds to the environment. */
export async function serve(...files) {
	const env = typeof files.at(-1) === "object" ? files.pop() : {};
	// E2E_UI_DIR serves a page that was just built instead of the one inside the binary.
	const other = process.env.E2E_UI_DIR ? ["--ui-dir", resolve(process.env.E2E_UI_DIR)] : [];
	// Recordings land in the working folder: that is one which goes away.
	const home = scratch();
	const child = spawn(binary, ["ui", "--no-browser", ...other, ...files], { stdio: ["ignore", "pipe", "pipe"], cwd: home.dir, env: { ...process.env, ...env } });
	let printed = "";
	const address = await new Promise((done, fail) => {
		const timer = setTimeout(() => fail(new Error(`gospect ui printed no address in ${patienceMs / 1000} s: ${printed}`)), patienceMs);
		const read = (chunk) => {
			printed += chunk;
			const found = /https?:\/\/[^\s"']+token=[0-9A-Za-z_-]+/.exec(printed);
			if (!found) return;
			clearTimeout(timer);
			done(found[0]);
		};
		child.stdout.on("data", read);
		child.stderr.on("data", read);
		child.on("exit", (code) => fail(new Error(`gospect ui ended with ${code}: ${printed}`)));
	});
	const stopped = new Promise((done) => child.on("exit", done));
	// A test that fails leaves its server running: that must not keep the tests from ending, and it ends with them.
	for (const held of [child, child.stdout, child.stderr]) held.unref();
	const last = () => child.kill("SIGKILL");
	process.on("exit", last);
	return {
		address,
		base: new URL(address).origin,
		pid: child.pid,
		async stop() {
			process.off("exit", last);
			child.ref();
			child.kill("SIGTERM");
			await stopped;
			home.remove();
		},
	};
}

const flags = [
	"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
	"--disable-component-update", "--disable-sync",
];

export async function openBrowser() {
	return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: flags });
}

/** In the page: how many answers of the engine are on their way or being read. */
function countAnswers() {
	window.onTheirWay = 0;
	const counted = (f) => function (...args) {
		window.onTheirWay++;
		return f.apply(this, args).finally(() => window.onTheirWay--);
	};
	window.fetch = counted(window.fetch);
	for (const how of ["json", "text", "arrayBuffer"]) Response.prototype[how] = counted(Response.prototype[how]);
}

/** In the page: five frames in a row in which nothing is on its way; what comes of an answer is drawn in the next frame, and may ask for more. */
async function calm() {
	for (let quiet = 0; quiet < 5; ) {
		await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
		quiet = window.onTheirWay > 0 || document.querySelector('[aria-busy="true"], [data-loading="1"], .state.quiet') ? 0 : quiet + 1;
	}
}

/**
 * A page of a fresh profile that is logged in to `server`. Everything the page complains of is collected: `clean()` asserts there was nothing.
 */
export async function openPage(browser, server, { theme = "light", settings, width = 1440, height = 860 } = {}) {
	const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme, acceptDownloads: true });
	if (settings)
		await context.addInitScript((s) => {
			if (location.protocol !== "about:" && !localStorage.getItem("gospect.settings")) localStorage.setItem("gospect.settings", s);
		}, JSON.stringify(settings));
	await context.addInitScript(countAnswers);
	const page = await context.newPage();
	page.setDefaultTimeout(patienceMs);
	const complaints = [];
	page.on("pageerror", (e) => complaints.push(`script error: ${e.message}`));
	page.on("console", (m) => {
		if (m.type() === "error") complaints.push(`console: ${m.text()}`);
	});
	page.on("request", (r) => {
		if (!r.url().startsWith(server.base) && !/^(data|blob|about):/.test(r.url())) complaints.push(`foreign request: ${r.url()}`);
	});
	if (!server.cookies) {
		await page.goto(server.address);
		server.cookies = await context.cookies();
	} else {
		// The token in the address works once: later pages share the session that it opened.
		await context.addCookies(server.cookies);
		await page.goto(`${server.base}/`);
	}
	await page.waitForSelector(".tabs, .start");
	return Object.assign(page, {
		/** goes to a state of the page by its link */
		async at(hash) {
			await page.goto("about:blank");
			await page.goto(`${server.base}/${hash}`);
			await page.waitForSelector(".tabs, .start");
			await page.settled();
		},
		/** waits until nothing is on its way */
		settled: () => page.evaluate(calm),
		/** waits until the link of the page says so: what follows a movement comes some time after it */
		async until(says, what) {
			const end = Date.now() + patienceMs;
			for (;;) {
				const state = await page.state();
				if (says(state)) return state;
				assert.ok(Date.now() < end, `${what}: ${JSON.stringify(state)}`);
				await page.waitForTimeout(20);
			}
		},
		api: (path) => page.evaluate(async (p) => (await fetch(p)).json(), path),
		state: () => page.evaluate(() => {
			const [view, query] = location.hash.replace("#/", "").split("?");
			return { view, ...Object.fromEntries(new URLSearchParams(query ?? "")) };
		}),
		clean: () => assert.deepEqual(complaints.splice(0), []),
		complaints,
	});
}
