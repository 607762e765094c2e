// Decodes the binary answer of GET /api/tiles (docs/api.md, "format=frames"). The columns are views into the buffer.

export const enum CellFlag {
	Merged = 1,
	OpenStart = 2,
	OpenEnd = 4,
}

export const shareBytes = 12;

export interface TrackHead { kind: "states" | "regions" | "ranges" | "logs" | "samples" | "hits" | "tasks" | "frames"; lane: number; depth: number; first: number; n: number }
export interface CurveHead { lane: number; series: string[]; first: number; n: number }

export interface TilesHead {
	from_ns: number;
	to_ns: number;
	cell_ns: number;
	lanes: string[];
	hit_ns?: number[];
	reasons: string[];
	names: string[];
	goroutines: { index: number; id: number; name: string }[];
	curves: CurveHead[];
	tracks: TrackHead[];
}

export interface Tiles {
	head: TilesHead;
	start: Float64Array;
	end: Float64Array;
	/** state, reason << 8, flags << 16 */
	info: Uint32Array;
	count: Uint32Array;
	value: Uint32Array;
	/** 12 bytes a cell: share of each state, of 255 */
	shares: Uint8Array;
	/** of the curves: cell by cell, series by series */
	values: Float32Array;
}

const MAGIC = 0x31545347;
const align8 = (n: number) => (n + 7) & ~7;

export function decodeTiles(buffer: ArrayBuffer): Tiles {
	if (buffer.byteLength < 24) throw new Error("the tiles are shorter than their header");
	const view = new DataView(buffer);
	if (view.getUint32(0, true) !== MAGIC) throw new Error("the tiles do not start with GST1");
	const version = view.getUint32(4, true);
	if (version !== 1) throw new Error(`the tiles have version ${version}, this page reads version 1`);
	const n = view.getUint32(8, true);
	const jsonLength = view.getUint32(16, true);
	const need = 24 + align8(jsonLength) + 16 * n + 3 * align8(4 * n) + align8(shareBytes * n);
	if (buffer.byteLength < need) throw new Error(`the tiles end early: ${buffer.byteLength} of ${need} bytes`);
	const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 24, jsonLength))) as TilesHead;
	let at = 24 + align8(jsonLength);
	const f64 = () => {
		const column = new Float64Array(buffer, at, n);
		at += 8 * n;
		return column;
	};
	const u32 = () => {
		const column = new Uint32Array(buffer, at, n);
		at += align8(4 * n);
		return column;
	};
	const start = f64(), end = f64(), info = u32(), count = u32(), value = u32();
	const shares = new Uint8Array(buffer, at, shareBytes * n);
	at += align8(shareBytes * n);
	const values = new Float32Array(buffer, at, (buffer.byteLength - at) >> 2);
	for (const t of head.tracks)
		if (t.first + t.n > n || t.lane >= head.lanes.length) throw new Error("the tiles name cells that are not there");
	for (const c of head.curves)
		if (c.first + c.n * c.series.length > values.length) throw new Error("the tiles name values that are not there");
	return { head, start, end, info, count, value, shares, values };
}
