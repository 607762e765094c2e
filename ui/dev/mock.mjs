// A stand-in for the engine: the API of docs/api.md over an invented profile. node dev/mock.mjs [port] [stacks]
import { createServer } from "node:http";
import { readFileSync, existsSync } from "node:fs";
import { join, extname } from "node:path";

const dist = new URL("../dist/", import.meta.url).pathname;
const port = Number(process.argv[2] ?? 8123);
const size = Number(process.argv[3] ?? 1500);
let seed = 7;
const rnd = () => ((seed = (Math.imul(seed, 1103515245) + 12345) >>> 0), seed / 4294967296);
const pick = (a) => a[Math.floor(rnd() * a.length)];

const roots = [["runtime.goexit", "main.main.func1", "net/http.(*conn).serve", "net/http.serverHandler.ServeHTTP", "net/http.(*ServeMux).ServeHTTP"], ["runtime.goexit", "example.com/payments/worker.(*Pool).run"], ["runtime.mcall", "runtime.park_m", "runtime.schedule"], ["runtime.gcBgMarkWorker", "runtime.systemstack"], ["runtime.main", "main.main"]];
const pkgs = { "example.com/payments/api": ["(*Server).ServeHTTP", "(*Server).handlePay", "(*Server).handleList", "decodeBody", "validate", "(*Session).Load"], "example.com/payments/ledger": ["(*Book).Post", "(*Book).balance", "hashEntry", "(*Index).Rebuild", "sortEntries[...]"], "encoding/json": ["Marshal", "(*decodeState).object", "(*decodeState).value", "(*encodeState).reflectValue", "structEncoder.encode"], "database/sql": ["(*DB).QueryContext", "(*Rows).Next", "(*DB).conn"], "crypto/sha256": ["block", "(*Digest).Write"], "runtime": ["mallocgc", "memmove", "scanobject", "findRunnable", "futex", "growslice", "mapassign_faststr", "mapaccess2_faststr"], "sync": ["(*Mutex).Lock", "(*Mutex).lockSlow"], "strings": ["(*Builder).WriteString", "Split"], "regexp": ["(*Regexp).doExecute", "(*machine).step"], "<img src=x onerror=window.pwned=1>": ["evil\u001b[31m\nname"] };
const funcs = Object.entries(pkgs).flatMap(([p, fs]) => fs.map((f) => (p.startsWith("<") ? p + f : `${p}.${f}`)));
const meta = new Map();
function metaOf(name) {
	if (!meta.has(name)) {
		const slash = name.lastIndexOf("/"), dot = name.indexOf(".", slash + 1);
		const pkg = dot > 0 ? name.slice(0, dot) : name;
		meta.set(name, { name, short: name.slice(slash + 1), package: pkg, file: `/src/${pkg}/${(name.length % 5) + 1}_file.go`, line: 10 + ((name.length * 37) % 300), module: pkg.startsWith("example.com") ? "example.com/payments" : "std" });
	}
	return meta.get(name);
}
function makeSamples(shift) {
	seed = 7;
	const out = [];
	const trunk = Array.from({ length: 40 }, () => { const s = [...pick(roots)]; const d = 2 + rnd() * 8; for (let i = 0; i < d; i++) s.push(pick(funcs)); return s; });
	for (let i = 0; i < size; i++) {
		const s = [...pick(trunk)].slice(0, 4 + rnd() * 9);
		const d = rnd() * 9;
		for (let k = 0; k < d; k++) s.push(pick(funcs));
		const n = Math.ceil(rnd() ** 4 * 60);
		if (shift && s.includes("encoding/json.Marshal")) continue;
		out.push({ stack: s, n: shift ? Math.ceil(n * (s.includes("crypto/sha256.block") ? 2.2 : 0.9)) : n, labels: { handler: [pick(["/pay", "/list", "/refund", "/health"])], tenant: [pick(["acme", "globex", "initech"])] } });
	}
	return out;
}
const docs = { 1: makeSamples(false), 2: makeSamples(true) };
const types = [{ type: "samples", unit: "count" }, { type: "cpu", unit: "nanoseconds" }];
const totalN = (d) => docs[d].reduce((a, s) => a + s.n, 0);
let extra = [];
const session = () => ({ version: "0.1.0", documents: [
	{ id: 1, name: "cpu.pprof", kind: "profile", group: "payments-1402", title: "payments · go1.26.8 · CPU", sample_types: types, default_type: "cpu", samples: totalN(1), total: [totalN(1), totalN(1) * 1e7], time_ns: 1763690000e9, duration_ns: 30e9, labels: ["handler", "tenant"], main_module: "example.com/payments", go_version: "go1.26.8" },
	{ id: 2, name: "cpu-new.pprof", kind: "profile", group: "payments-1402", title: "payments · after the fix", sample_types: types, default_type: "cpu", samples: totalN(2), total: [totalN(2), totalN(2) * 1e7], time_ns: 1763693600e9, duration_ns: 30e9, labels: ["handler", "tenant"], main_module: "example.com/payments", go_version: "go1.26.8" },
	{ id: 3, name: "goroutines.txt", kind: "goroutines", group: null, title: "payments · goroutines", goroutines: 812, labels: [] }, ...extra], editors: ["zed", "vscode", "idea", "env"], can_record: true });

function filtered(q, docId) {
	const unit = q.get("sample-index") === "samples" ? 1 : 1e7;
	let list = docs[docId] ?? [];
	const has = (re) => (s) => s.stack.some((f) => re.test(f));
	const rx = (t) => { const i = t.startsWith("(?i)"); return new RegExp(i ? t.slice(4) : t, i ? "i" : ""); };
	if (q.get("focus")) list = list.filter(has(rx(q.get("focus"))));
	const tag = (t, s) => t.split(",").every((r) => Object.entries(s.labels).some(([k, v]) => new RegExp(r).test(`${k}:${v[0]}`)));
	if (q.get("tagfocus")) list = list.filter((s) => tag(q.get("tagfocus"), s));
	if (q.get("tagignore")) list = list.filter((s) => !tag(q.get("tagignore"), s));
	list = list.map((s) => ({ ...s, v: s.n * unit }));
	for (const t of q.getAll("transform")) {
		const [kind, ...rest] = t.split(":"); const name = rest.join(":");
		if (kind === "focus-function") list = list.filter((s) => s.stack.includes(name)).map((s) => ({ ...s, stack: s.stack.slice(s.stack.indexOf(name)) }));
		if (kind === "only-function") list = list.filter((s) => s.stack.includes(name));
		if (kind === "drop-function") list = list.filter((s) => !s.stack.includes(name));
		if (kind === "hide-function") list = list.map((s) => ({ ...s, stack: s.stack.filter((f) => f !== name) }));
		if (kind === "collapse-function") list = list.map((s) => (s.stack.includes(name) ? { ...s, stack: s.stack.slice(0, s.stack.indexOf(name) + 1) } : s));
		if (kind === "invert") list = list.map((s) => ({ ...s, stack: [...s.stack].reverse() }));
	}
	return list;
}
function tree(q) {
	const sets = [[filtered(q, q.get("doc")), 0]];
	if (q.get("base")) sets.push([filtered(q, q.get("base")), 1]);
	const root = { name: "root", kids: new Map(), v: [0, 0], self: [0, 0], n: 0, id: 0 };
	let next = 1;
	const pivot = q.get("pivot"), up = q.get("direction") === "callers", group = q.get("group-by");
	for (const [list, side] of sets) for (const s of list) {
		let stack = s.stack;
		if (pivot) { const at = stack.indexOf(pivot); if (at < 0) continue; stack = up ? stack.slice(0, at).reverse() : stack.slice(at + 1); }
		if (group) stack = [`${group}: ${s.labels[group]?.[0]}`, ...stack];
		let node = root; root.v[side] += s.v; root.n += side ? 0 : s.n;
		for (const f of stack) {
			let kid = node.kids.get(f);
			if (!kid) node.kids.set(f, (kid = { name: f, kids: new Map(), v: [0, 0], self: [0, 0], n: 0, id: next++, label: group && node === root, parent: node }));
			kid.v[side] += s.v; if (!side) kid.n += s.n; node = kid;
		}
		node.self[side] += s.v;
	}
	if (pivot) root.name = pivot;
	return root;
}
function frames(q) {
	const root = tree(q);
	const byName = q.get("order") === "name", min = Number(q.get("min") ?? 0), want = Number(q.get("root") ?? 0);
	const find = (n) => { if (n.id === want) return n; for (const k of n.kids.values()) { const r = find(k); if (r) return r; } return null; };
	const focus = want ? find(root) : root;
	if (!focus) return null;
	const out = [];
	const names = [], index = new Map();
	const nameId = (f) => { if (!index.has(f)) { index.set(f, names.length); names.push(f === "root" ? { name: "root", short: "root", package: "", file: "", line: 0 } : metaOf(f)); } return index.get(f); };
	const path = []; for (let n = focus; n; n = n.parent) path.unshift(n);
	const least = min * Math.max(focus.v[0], focus.v[1]);
	let parent = 0xffffffff;
	for (const n of path) { out.push([n, parent, 0]); parent = out.length - 1; }
	for (let at = out.length - 1; at < out.length; at++) {
		const n = out[at][0]; if (!n.kids) continue;
		const kids = [...n.kids.values()].sort((a, b) => (byName ? (a.name < b.name ? -1 : 1) : Math.max(...b.v) - Math.max(...a.v)));
		const rest = { name: "(smaller frames)", v: [0, 0], self: [0, 0], n: 0, id: 0xffffffff };
		for (const k of kids) if (Math.max(...k.v) >= least) out.push([k, at, 0]); else { rest.v[0] += k.v[0]; rest.v[1] += k.v[1]; rest.n += k.n; }
		if (rest.v[0] || rest.v[1]) { out.push([rest, at, 64]); out[at][2] |= 128; }
	}
	const n = out.length, hasBase = !!q.get("base");
	const flagsOf = ([x, , f]) => f | (x.label ? 32 : 0) | (x.name.startsWith("runtime.") ? 2 : 0) | (x.name.endsWith("WriteString") || x.name.endsWith("validate") ? 1 : 0);
	for (const [x] of out) nameId(x.name);
	const info = Buffer.from(JSON.stringify({ names, unit: q.get("sample-index") === "samples" ? "count" : "nanoseconds", type: q.get("sample-index") ?? "cpu", total: root.v[0], base_total: root.v[1], samples: root.n, nodes_total: n }));
	const pad = (b) => Buffer.concat([b, Buffer.alloc((8 - (b.length % 8)) % 8, 32)]);
	const u32 = (f) => { const b = Buffer.alloc(Math.ceil((n * 4) / 8) * 8); out.forEach((o, i) => b.writeUInt32LE(f(o) >>> 0, i * 4)); return b; };
	const f64 = (f) => { const b = Buffer.alloc(n * 8); out.forEach((o, i) => b.writeDoubleLE(f(o), i * 8)); return b; };
	const head = Buffer.alloc(24); [0x31465347, 1, n, (hasBase ? 1 : 0) | 2, info.length, 0].forEach((v, i) => head.writeUInt32LE(v, i * 4));
	return Buffer.concat([head, pad(info), u32((o) => o[0].id), u32((o) => o[1]), u32((o) => nameId(o[0].name)), u32(flagsOf), f64((o) => o[0].self[0]), f64((o) => o[0].v[0]), ...(hasBase ? [f64((o) => o[0].self[1]), f64((o) => o[0].v[1])] : []), f64((o) => o[0].n)]);
}
function top(q, docId = q.get("doc")) {
	const rows = new Map(); let total = 0;
	for (const s of filtered(q, docId)) {
		total += s.v;
		for (const f of new Set(s.stack)) { if (!rows.has(f)) rows.set(f, { ...metaOf(f), inlined: f.endsWith("validate") ? "all" : "none", flat: 0, cum: 0, samples: 0 }); const r = rows.get(f); r.cum += s.v; r.samples += s.n; }
		if (s.stack.length) rows.get(s.stack.at(-1)).flat += s.v;
	}
	for (const r of rows.values()) { r.flat_pct = (100 * r.flat) / total; r.cum_pct = (100 * r.cum) / total; }
	return { type: "cpu", unit: "nanoseconds", total, shown: rows.size, rows: [...rows.values()].sort((a, b) => b.flat - a.flat) };
}
const exact = (t) => t.replace(/^\^|\$$/g, "").replace(/\\(.)/g, "$1");
function peek(q) {
	const name = exact(q.get("function")); const ins = new Map(), outs = new Map(); let flat = 0, cum = 0, samples = 0;
	for (const s of filtered(q, q.get("doc"))) { const at = s.stack.indexOf(name); if (at < 0) continue; cum += s.v; samples += s.n; if (s.stack.at(-1) === name) flat += s.v; if (at > 0) ins.set(s.stack[at - 1], (ins.get(s.stack[at - 1]) ?? 0) + s.v); if (s.stack[at + 1]) outs.set(s.stack[at + 1], (outs.get(s.stack[at + 1]) ?? 0) + s.v); }
	const list = (m) => [...m].map(([name, value]) => ({ name, value })).sort((a, b) => b.value - a.value);
	return { rows: [{ ...metaOf(name), flat, cum, samples, callers: list(ins), callees: list(outs) }] };
}
const code = ["func (s *Server) handlePay(w http.ResponseWriter, r *http.Request) {", "\tvar req payRequest", "\tif err := decodeBody(r, &req); err != nil {", "\t\thttp.Error(w, err.Error(), http.StatusBadRequest)", "\t\treturn", "\t}", "\tfor i := range req.Items {", "\t\tsum := hashEntry(req.Items[i])", "\t\ts.book.Post(sum, req.Items[i].Amount)", "\t}", "\ts.mu.Lock()", "\ts.seen[req.ID] = time.Now()", "\ts.mu.Unlock()", "\tjson.NewEncoder(w).Encode(req)", "}"];
function list(q) {
	const name = exact(q.get("function")), p = peek(q).rows[0], m = metaOf(name);
	const weights = code.map((_, i) => ((i * 7919 + name.length * 31) % 17) / 40 * (i % 3 ? 1 : 0));
	const missing = name.startsWith("<") ? "the file is not on this machine: looked in GOROOT, the module cache and the working folder" : null;
	return { functions: [{ name, file: m.file, path: missing ? null : m.file, start_line: m.line, flat: p.flat, cum: p.cum, missing, lines: code.map((text, i) => ({ n: m.line + i, text: missing ? "" : text, flat: p.flat * weights[i] * 0.4, cum: p.cum * weights[i], ...(q.get("asm") && weights[i] ? { asm: [{ address: `0x${(0x4b2000 + i * 32).toString(16)}`, flat: p.flat * weights[i] * 0.4, cum: p.cum * weights[i], text: "MOVQ 0x18(SP), AX", inline: ["ledger.hashEntry ledger.go:41"] }, { address: `0x${(0x4b2008 + i * 32).toString(16)}`, flat: 0, cum: 0, text: "CALL runtime.mallocgc(SB)" }] } : {}) })) }] };
}
function goroutines(q) {
	seed = 3; const states = ["chan receive", "select", "IO wait", "running", "runnable", "sync.Mutex.Lock", "sleep", "GC worker (idle)", "syscall"];
	const by = q.get("group-by") ?? "stack"; const gs = []; let total = 0;
	const n = by === "stack" ? 26 : by === "state" ? states.length : 5;
	for (let i = 0; i < n; i++) { const count = Math.ceil((rnd() ** 5) * 400) + 1; const state = by === "state" ? states[i] : pick(states); total += count;
		const st = ["runtime.gopark", ...Array.from({ length: 4 }, () => pick(funcs))];
		gs.push({ key: by === "state" ? state : by === "creator" ? pick(funcs) : by === "wait" ? ["< 1 min", "1–10 min", "10–60 min", "1–5 h", "> 5 h"][i] : st[1], count, state, wait_max_ns: rnd() > 0.4 ? Math.floor(rnd() * 7200) * 1e9 : 0, labels: rnd() > 0.7 ? { handler: "/pay" } : {}, creator: { name: pick(funcs), file: "/src/a.go", line: 7 }, goroutines: Array.from({ length: count }, (_, k) => ({ id: 100 + i * 50 + k, state, wait_ns: k % 3 ? 0 : 60e9 * k })), stack: st.map((name) => ({ name, file: metaOf(name).file, line: metaOf(name).line, args: "0xc000123400, 0x1" })) }); }
	gs.sort((a, b) => b.count - a.count);
	return { total, groups: gs };
}
let job = null;
const api = {
	session, flame: frames, top, peek, list, goroutines,
	tags: (q) => { const keys = {}; for (const s of filtered(q, q.get("doc"))) for (const [k, [v]] of Object.entries(s.labels)) { keys[k] ??= {}; keys[k][v] = (keys[k][v] ?? 0) + s.v; } return { keys: Object.entries(keys).map(([key, vs]) => { const total = Object.values(vs).reduce((a, b) => a + b); return { key, total, values: Object.entries(vs).map(([value, t]) => ({ value, total: t, pct: (100 * t) / total })).sort((a, b) => b.total - a.total) }; }) }; },
	traces: (q) => { const l = filtered(q, q.get("doc")).sort((a, b) => b.v - a.v), o = Number(q.get("offset") ?? 0); return { count: l.length, rows: l.slice(o, o + Number(q.get("limit") ?? 100)).map((s) => ({ value: s.v, values: [s.n, s.v], labels: s.labels, stack: [...s.stack].reverse().map((name) => ({ name, file: metaOf(name).file, line: metaOf(name).line, inlined: false })) })) }; },
	search: (q) => { const t = q.get("query"), re = t.startsWith("(?i)") ? new RegExp(t.slice(4), "i") : new RegExp(t); let matched = 0, total = 0; for (const s of filtered(q, q.get("doc"))) { total += s.v; if (s.stack.some((f) => re.test(f))) matched += s.v; } return { matched, total, pct: (100 * matched) / total, functions: top(q).rows.filter((r) => re.test(r.name)).map((r) => ({ name: r.name, cum: r.cum })) }; },
	info: () => ({ types, period: 10000000, duration_ns: 30e9, mappings: [{ start: "0x400000", limit: "0x8fa000", file: "/usr/bin/payments", build_id: "Gk2x/…" }], comments: [], warnings: [] }),
	diff: (q) => { const a = top(q), b = top(q, q.get("base")), m = new Map(b.rows.map((r) => [r.name, r])); const rows = a.rows.map((r) => { const o = m.get(r.name); m.delete(r.name); return { ...r, base_flat: o?.flat ?? 0, base_cum: o?.cum ?? 0, state: o ? (o.flat === r.flat ? "same" : "changed") : "new", significant: r.flat + (o?.flat ?? 0) > 3e9 }; }); for (const o of m.values()) rows.push({ ...o, flat: 0, cum: 0, base_flat: o.flat, base_cum: o.cum, state: "removed", significant: o.flat > 1e9 }); return { ...a, base_total: b.total, rows }; },
	ps: () => ({ processes: [{ pid: 4242, command: "/usr/bin/payments -addr :8080", go_version: "go1.26.8", module: "example.com/payments", build_id: "x", pprof: "http://127.0.0.1:6060/debug/pprof/", container: null, user: "app", cpu_pct: 187.4, rss_bytes: 412e6 }, { pid: 977, command: "/usr/bin/dockerd", go_version: "go1.23.1", module: "github.com/docker/docker", build_id: "y", pprof: null, container: "web-1", user: "root", cpu_pct: 0.4, rss_bytes: 91e6 }] }),
	record: () => { job = Date.now(); return { job: 1 }; }, stop: () => ({}), edit: () => ({}), open: () => ({ documents: [1] }),
	jobs: () => { const p = (Date.now() - job) / 3000; if (p >= 1) { extra = [{ ...session().documents[0], id: 4, title: "recorded just now" }]; docs[4] = docs[1]; } return { state: p >= 1 ? "done" : "running", progress: Math.min(1, p), message: "sampling at 99 Hz, 1,204 samples", documents: p >= 1 ? [4] : [], error: null }; },
};
createServer((req, res) => {
	const url = new URL(req.url, "http://x");
	const headers = { "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'" };
	if (url.pathname.startsWith("/api/")) {
		try {
			const answer = api[url.pathname.slice(5)](url.searchParams);
			if (answer === null) { res.writeHead(404, headers); return res.end('{"error":{"code":"not-found","text":"no such node"}}'); }
			res.writeHead(200, { ...headers, "Content-Type": Buffer.isBuffer(answer) ? "application/octet-stream" : "application/json" });
			res.end(Buffer.isBuffer(answer) ? answer : JSON.stringify(answer));
		} catch (e) { res.writeHead(400, headers); res.end(JSON.stringify({ error: { code: "usage", text: String(e) } })); }
		return;
	}
	const path = join(dist, url.pathname === "/" ? "index.html" : url.pathname);
	if (!existsSync(path)) { res.writeHead(404, headers); return res.end(); }
	const mime = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
	res.writeHead(200, { ...headers, "Content-Type": mime[extname(path)] ?? "application/octet-stream" });
	res.end(readFileSync(path));
}).listen(port, "127.0.0.1", () => console.log(`http://127.0.0.1:${port}/`));
