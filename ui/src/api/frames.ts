// Decodes the binary answer of GET /api/flame (docs/api.md, "format=frames"). The columns are views into the buffer, nothing is copied.

export const enum NodeFlag {
	Inlined = 1,
	Runtime = 2,
	Kernel = 4,
	Native = 8,
	Truncated = 16,
	Label = 32,
	Smaller = 64,
	Cut = 128,
}

export interface FrameName { name: string; short: string; package: string; file: string; line: number; module?: string }

export interface FramesInfo {
	names: FrameName[];
	unit: string;
	type: string;
	total: number;
	base_total?: number;
	samples: number;
	nodes_total: number;
}

export interface Frames {
	count: number;
	info: FramesInfo;
	id: Uint32Array;
	parent: Uint32Array;
	name: Uint32Array;
	flags: Uint32Array;
	self: Float64Array;
	total: Float64Array;
	baseSelf: Float64Array | null;
	baseTotal: Float64Array | null;
	samples: Float64Array | null;
}

const MAGIC = 0x31465347;
const HAS_BASE = 1;
const HAS_SAMPLES = 2;
export const NO_PARENT = 0xffffffff;

const align8 = (n: number) => (n + 7) & ~7;

export function decodeFrames(buffer: ArrayBuffer): Frames {
	if (buffer.byteLength < 24) throw new Error("the flame answer is shorter than its header");
	const head = new DataView(buffer);
	if (head.getUint32(0, true) !== MAGIC) throw new Error("the flame answer does not start with GSF1");
	const version = head.getUint32(4, true);
	if (version !== 1) throw new Error(`the flame answer has version ${version}, this page reads version 1`);
	const count = head.getUint32(8, true);
	const flags = head.getUint32(12, true);
	const jsonLength = head.getUint32(16, true);
	const columnBytes = align8(count * 4);
	const doubles = 2 + (flags & HAS_BASE ? 2 : 0) + (flags & HAS_SAMPLES ? 1 : 0);
	const need = 24 + align8(jsonLength) + 4 * columnBytes + doubles * count * 8;
	if (buffer.byteLength < need)
		throw new Error(`the flame answer ends early: ${buffer.byteLength} of ${need} bytes`);

	const info = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 24, jsonLength))) as FramesInfo;
	let at = 24 + align8(jsonLength);
	const u32 = () => {
		const column = new Uint32Array(buffer, at, count);
		at += columnBytes;
		return column;
	};
	const f64 = () => {
		const column = new Float64Array(buffer, at, count);
		at += count * 8;
		return column;
	};
	const id = u32(), parent = u32(), name = u32(), nodeFlags = u32();
	const self = f64(), total = f64();
	const baseSelf = flags & HAS_BASE ? f64() : null;
	const baseTotal = flags & HAS_BASE ? f64() : null;
	const samples = flags & HAS_SAMPLES ? f64() : null;
	for (let i = 0; i < count; i++) {
		const p = parent[i]!;
		if (p !== NO_PARENT && p >= i) throw new Error(`frame ${i} comes before its parent ${p}`);
		if (name[i]! >= info.names.length) throw new Error(`frame ${i} has no name`);
	}
	return { count, info, id, parent, name, flags: nodeFlags, self, total, baseSelf, baseTotal, samples };
}
