// The answers about heaps, as docs/api.md describes them.

export interface HeapType {
	type: string;
	package: string;
	known_by: "exact" | "interface" | "field" | "shape";
	size_bytes: number;
	count: number;
	shallow_bytes: number;
	retained_bytes: number;
}
export interface HeapSummary {
	go_version: string;
	arch: string;
	executable: string;
	objects: number;
	live_bytes: number;
	in_use_objects: number;
	in_use_bytes: number;
	span_bytes: number;
	stack_bytes: number;
	goroutines: number;
	roots: number;
	edges: number;
	warnings: string[];
	n_types: number;
	types: HeapType[];
}

export interface HeapHolder {
	kind: "variable" | "goroutine" | "frame" | "other";
	name: string;
	goroutine?: { id: number; wait_reason: string; wait_ns: number; stack_bytes: number };
	goroutines?: number;
	retained_count: number;
	retained_bytes: number;
	gathers_in?: { type: string; address: string; retained_bytes: number; below: number };
}
export interface HeapHolders { of_bytes: number; n_holders: number; holders: HeapHolder[] }

export interface HeapObjectRow { address: string; type: string; size_bytes: number; retained_bytes: number }
export interface HeapFound { n_objects: number; size_bytes: number; objects: HeapObjectRow[] }

/** An object, or what holds one from outside of the heap. */
export interface HeapNode {
	/** of who points: the field that does */
	field?: string;
	address?: string;
	type?: string;
	holder?: string;
	size_bytes?: number;
	retained_bytes: number;
}
/** A value in an object; `value` is text for people, `to` the object that it leads to. */
export interface HeapField { name: string; type: string; value: string; to?: string }
/** A call on the stack of an allocation, innermost first. */
export interface HeapCall { function: string; file: string; line: number }
/** A line that allocated what is alive; numbers are estimates from samples. */
export interface HeapPlace {
	function: string;
	file: string;
	line: number;
	library_function: string;
	samples: number;
	count: number;
	live_bytes: number;
	types: { name: string; live_bytes: number }[];
	kept_by: { name: string; live_bytes: number }[];
	allocated_at: HeapCall[];
}
export interface HeapPlaces { live_bytes: number; sample_rate_bytes: number; samples: number; estimated_bytes: number; n_places: number; places: HeapPlace[] }

export interface HeapObject {
	object: HeapNode;
	/** empty: it was not sampled */
	allocations?: { stack: HeapCall[] }[];
	/** of a closure; a method value is in no file */
	closure_of?: { function: string; file?: string; line?: number };
	/** absent where the memory is not to be had */
	n_fields?: number;
	fields?: HeapField[];
	retained_by: HeapNode[];
	n_roots: number;
	roots: { kind: string; name: string; goroutine?: number; is_guess: boolean }[];
	n_from: number;
	from: HeapNode[];
	n_to: number;
	to: HeapNode[];
}

export interface HeapStep { id: number; parent: number; depth: number; name: string; holders: number; count: number; bytes: number; own_count: number; own_bytes: number }
export interface HeapPaths { count: number; bytes: number; of_bytes: number; n_steps: number; steps: HeapStep[] }

export interface MapBox {
	/** absent: what is too small to be seen on its own */
	id?: number;
	name?: string;
	address?: string;
	count?: number;
	parent: number;
	depth: number;
	children: number;
	bytes: number;
	own_bytes: number;
	x: number;
	y: number;
	w: number;
	h: number;
	head: boolean;
	open: boolean;
}
export interface HeapMap {
	by: "name" | "object";
	of_bytes: number;
	width: number;
	height: number;
	n_crumbs: number;
	crumbs: { id: number; name: string; address?: string; bytes: number }[];
	boxes: MapBox[];
}

export interface RefNode {
	id: number;
	kind: "object" | "holder" | "type";
	name: string;
	address?: string;
	count?: number;
	retained_bytes?: number;
	own_bytes: number;
	in: number;
	out: number;
	in_shown: number;
	out_shown: number;
	is_focus: boolean;
	is_open: boolean;
	is_on_path: boolean;
	cycle: number;
	layer: number;
	x: number;
	y: number;
}
export interface RefEdge { from: number; to: number; count: number; is_back: boolean; in_cycle: boolean; points: number[] }
export interface HeapTopology {
	by: "object" | "type";
	width: number;
	height: number;
	node_width: number;
	node_height: number;
	cycles: number;
	is_cut: boolean;
	nodes: RefNode[];
	edges: RefEdge[];
}

export interface GrowthRow { name: string; growth_bytes: number; count: number[]; own_bytes?: number[]; retained_bytes?: number[] }
export interface HeapGrowth {
	heaps: { core: string; live_bytes: number; objects: number; goroutines: number }[];
	holders: GrowthRow[];
	types: GrowthRow[];
	edges: GrowthRow[];
}

export type SnapshotWay = "precopy" | "fork" | "copy";

/** What a snapshot of a process would be; nothing is touched to say so. */
export interface SnapshotPlan { pid: number; how: SnapshotWay; why: string; predicted_pause_ns: number; memory_bytes: number; obstacle: string | null }

export interface SnapshotFacts {
	pause_ns: number;
	predicted_pause_ns: number;
	lent_ns: number;
	total_ns: number;
	how: SnapshotWay;
	why: string;
	note: string;
	incomplete: string;
	threads: number;
	size_bytes: number;
	disk_bytes: number;
}

export interface LeakPlace { function: string; file: string; line: number }
export interface LeakGroup {
	verdict: "proven" | "suspect";
	count: number;
	state: string;
	blocked?: LeakPlace;
	created?: LeakPlace;
	start?: LeakPlace;
	wait_ns: number;
	stack_bytes: number;
	heap_bytes: number;
	said_leaked: number;
	before?: number;
	is_growing?: boolean;
	cycle?: number;
	is_cycle_of_its_own?: boolean;
	goroutines?: number[];
	waits_for?: { kind: string; is_select: boolean; lock?: string; type?: string; address: string }[];
	users?: { kind: "variable" | "goroutine" | "object"; name?: string; type?: string; address?: string; goroutine?: number; is_leaked: boolean; count: number }[];
	more_users?: number;
	kept_by?: { root: string; path: { type: string; address: string }[] };
	stack?: LeakPlace[];
}
export interface LeakMemory {
	in: string;
	bytes: number;
	retained_bytes: number;
	retained_before_bytes?: number;
	elements: string;
	count: number;
	/** the line that allocated most of what was sampled of it */
	allocated_at?: LeakPlace & { samples: number; share: number };
	held_by: string[];
	shortest_way?: string[];
}
export interface Leaks {
	proven_goroutines: number;
	suspect_goroutines: number;
	proven_groups: number;
	suspect_groups: number;
	proven_stack_bytes: number;
	proven_heap_bytes: number;
	is_main_stuck: boolean;
	goroutines?: number;
	live_bytes?: number;
	proof_ns?: number;
	note?: string;
	groups: LeakGroup[];
	memory?: LeakMemory[];
	detector: { source: string; leaked: number; agreed: number; only_detector: number; only_proven: number }[];
}
