// Writes profiles by hand, so that tests can say exactly what is in them: any name, any size.

import { gzipSync } from "node:zlib";

class Message {
	parts = [];

	varint(field, value) {
		if (value === 0) return this;
		this.parts.push(number(field << 3), number(value));
		return this;
	}

	bytes(field, body) {
		const data = typeof body === "string" ? Buffer.from(body) : body instanceof Message ? body.done() : body;
		this.parts.push(number((field << 3) | 2), number(data.length), data);
		return this;
	}

	packed(field, values) {
		return this.bytes(field, Buffer.concat(values.map(number)));
	}

	done() {
		return Buffer.concat(this.parts);
	}
}

function number(value) {
	let v = BigInt.asUintN(64, BigInt(value));
	const out = [];
	do {
		const low = Number(v & 127n);
		v >>= 7n;
		out.push(v ? low | 128 : low);
	} while (v);
	return Buffer.from(out);
}

/**
 * A CPU profile of samples {stack: [leaf, …, root], count, labels}. Each name is a function in its own file.
 */
export function cpuProfile(samples, { periodNs = 10_000_000 } = {}) {
	return profile(samples, { types: [["samples", "count"], ["cpu", "nanoseconds"]], values: (s) => [s.count, s.count * periodNs], period: periodNs, takenNs: 1_763_690_000_000_000_000n, durationNs: 30_000_000_000 });
}

/** A heap profile of samples {stack, bytes}, taken so many seconds after a moment. */
export function heapProfile(samples, afterS) {
	return profile(samples, { types: [["inuse_objects", "count"], ["inuse_space", "bytes"]], values: (s) => [1, s.bytes], period: 524288, takenNs: 1_763_690_000_000_000_000n + BigInt(afterS) * 1_000_000_000n, durationNs: 0 });
}

function profile(samples, { types, values, period, takenNs, durationNs }) {
	const strings = new Map([["", 0]]);
	const text = (s) => {
		if (!strings.has(s)) strings.set(s, strings.size);
		return strings.get(s);
	};
	const functions = new Map();
	const idOf = (name) => {
		if (!functions.has(name)) functions.set(name, functions.size + 1);
		return functions.get(name);
	};
	const body = new Message();
	const type = (t, u) => new Message().varint(1, text(t)).varint(2, text(u));
	for (const [t, u] of types) body.bytes(1, type(t, u));
	for (const s of samples) {
		const m = new Message().packed(1, s.stack.map(idOf)).packed(2, values(s));
		for (const [k, v] of Object.entries(s.labels ?? {})) m.bytes(3, new Message().varint(1, text(k)).varint(2, text(v)));
		body.bytes(2, m);
	}
	body.bytes(3, new Message().varint(1, 1).varint(2, 0x400000).varint(3, 0x8000000).varint(5, text("/srv/app/hostile")));
	for (const [name, id] of functions) {
		body.bytes(4, new Message().varint(1, id).varint(2, 1).varint(3, 0x400000 + id * 16).bytes(4, new Message().varint(1, id).varint(2, 7)));
		body.bytes(5, new Message().varint(1, id).varint(2, text(name)).varint(3, text(name)).varint(4, text(`${name}.go`)));
	}
	body.varint(9, takenNs).varint(10, durationNs);
	body.bytes(11, type(...types[1])).varint(12, period);
	const table = new Message();
	for (const s of strings.keys()) table.bytes(6, s);
	return gzipSync(Buffer.concat([body.done(), table.done()]), { level: 1 });
}

/** A profile with many different stacks, shaped like a server's: a few trunks, a long tail, depths up to 60. */
export function largeProfile(stacks) {
	let state = 11;
	const random = () => ((state = (Math.imul(state, 1103515245) + 12345) >>> 0) / 4294967296);
	const names = Array.from({ length: 3000 }, (_, i) => `example.com/large/pkg${i % 60}.(*Type${i % 7}).Method${i}`);
	const pick = () => names[Math.floor(random() ** 2 * names.length)];
	const trunks = Array.from({ length: 200 }, () => Array.from({ length: 6 + random() * 24 }, pick));
	const samples = [];
	for (let i = 0; i < stacks; i++) {
		const trunk = trunks[Math.floor(random() ** 3 * trunks.length)];
		const branch = Array.from({ length: 1 + random() * 30 }, pick);
		samples.push({ stack: ["main.main", ...trunk, ...branch].reverse(), count: 1 + Math.floor(random() ** 6 * 200) });
	}
	return cpuProfile(samples);
}
