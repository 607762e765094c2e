// Makes the binary answer of /api/flame by hand, as docs/api.md lays it out.

export interface Spec { id: number; parent: number; name: string; flags?: number; self: number; total: number; baseSelf?: number; baseTotal?: number; samples?: number }

export function encode(nodes: Spec[], options: { base?: boolean; samples?: boolean } = {}): ArrayBuffer {
	const names = [...new Set(nodes.map((n) => n.name))];
	const info = {
		names: names.map((name) => ({ name, short: name, package: "", file: "", line: 0 })),
		unit: "nanoseconds", type: "cpu", total: nodes[0]?.total ?? 0, samples: 1, nodes_total: nodes.length,
	};
	let json = new TextEncoder().encode(JSON.stringify(info));
	const length = json.length;
	const padded = new Uint8Array((length + 7) & ~7).fill(32);
	padded.set(json);
	json = padded;
	const n = nodes.length;
	const column = (n * 4 + 7) & ~7;
	const doubles = 2 + (options.base ? 2 : 0) + (options.samples ? 1 : 0);
	const buffer = new ArrayBuffer(24 + json.length + 4 * column + doubles * n * 8);
	const head = new DataView(buffer);
	[0x31465347, 1, n, (options.base ? 1 : 0) | (options.samples ? 2 : 0), length, 0].forEach((v, i) => head.setUint32(i * 4, v, true));
	new Uint8Array(buffer).set(json, 24);
	let at = 24 + json.length;
	for (const get of [(s: Spec) => s.id, (s: Spec) => s.parent >>> 0, (s: Spec) => names.indexOf(s.name), (s: Spec) => s.flags ?? 0]) {
		nodes.forEach((s, i) => head.setUint32(at + i * 4, get(s), true));
		at += column;
	}
	const f64 = (get: (s: Spec) => number) => {
		nodes.forEach((s, i) => head.setFloat64(at + i * 8, get(s), true));
		at += n * 8;
	};
	f64((s) => s.self);
	f64((s) => s.total);
	if (options.base) {
		f64((s) => s.baseSelf ?? 0);
		f64((s) => s.baseTotal ?? 0);
	}
	if (options.samples) f64((s) => s.samples ?? 0);
	return buffer;
}

/** root 100 { a 60 { c 40, d 20 }, b 30 } and 10 of its own */
export const small: Spec[] = [
	{ id: 0, parent: -1, name: "root", self: 10, total: 100 },
	{ id: 1, parent: 0, name: "main.a", self: 0, total: 60 },
	{ id: 2, parent: 0, name: "main.b", self: 30, total: 30 },
	{ id: 3, parent: 1, name: "net/http.(*Server).Serve", self: 40, total: 40 },
	{ id: 4, parent: 1, name: "main.d", self: 20, total: 20 },
];
