// The answers of the local HTTP API, as docs/api.md describes them.

import type { SnapshotFacts } from "./heap";

export interface SampleType { type: string; unit: string }

export interface Doc {
	id: number;
	name: string;
	kind: "profile" | "goroutines" | "trace" | "heap" | string;
	group: string | null;
	title: string;
	sample_types?: SampleType[];
	default_type?: string;
	samples?: number;
	total?: number[];
	time_ns?: number;
	duration_ns?: number;
	labels?: string[];
	main_module?: string;
	go_version?: string;
	goroutines?: number;
	warnings?: string[];
}

export interface Session {
	version: string;
	documents: Doc[];
	/** numbers of those whose files are said to grow */
	follow: number[];
	editors: string[];
	can_record: boolean;
}

export interface TopRow {
	name: string;
	short: string;
	package: string;
	file: string;
	line: number;
	inlined?: "none" | "partial" | "all";
	flat: number;
	cum: number;
	flat_pct: number;
	cum_pct: number;
	samples?: number;
	base_flat?: number;
	base_cum?: number;
	state?: "new" | "removed" | "changed" | "same";
	significant?: boolean;
}

export interface TopAnswer {
	type: string;
	unit: string;
	total: number;
	base_total?: number;
	samples?: number;
	shown: number;
	rows: TopRow[];
}

export interface PeekEdge { name: string; value: number }
export interface PeekRow { name: string; file?: string; line?: number; samples?: number; flat: number; cum: number; callers: PeekEdge[]; callees: PeekEdge[] }
export interface PeekAnswer { rows: PeekRow[]; unit?: string; total?: number }

export interface AsmLine { address: string; flat: number; cum: number; text: string; inline?: string[] }
export interface SourceLine { n: number; text: string; flat: number; cum: number; asm?: AsmLine[] }
export interface SourceFunction {
	name: string;
	file: string;
	path: string | null;
	start_line: number;
	flat: number;
	cum: number;
	missing: string | null;
	lines: SourceLine[];
}
export interface ListAnswer { functions: SourceFunction[]; unit?: string; total?: number }

export interface TagValue { value: string; total: number; pct: number }
export interface TagKey { key: string; total: number; values: TagValue[] }
export interface TagsAnswer { keys: TagKey[] }

export interface TraceFrame { name: string; file: string; line: number; inlined: boolean }
export interface TraceRow { value: number; values: number[]; labels: Record<string, string[]>; stack: TraceFrame[] }
export interface TracesAnswer { count: number; rows: TraceRow[] }

export interface SearchAnswer { count: number; matched: number; total: number; pct: number; functions: { name: string; cum: number }[] }

export interface GoroutineFrame { name: string; file: string; line: number; args?: string }
export interface GoroutineGroup {
	key: string;
	count: number;
	state: string;
	wait_max_ns: number;
	labels: Record<string, string | string[]>;
	creator: GoroutineFrame | null;
	goroutines: { id: number; state: string; wait_ns: number }[];
	stack: GoroutineFrame[];
}
export interface GoroutinesAnswer { total: number; groups: GoroutineGroup[] }

export interface Process {
	pid: number;
	command: string;
	go_version: string;
	module: string;
	module_version?: string | null;
	build_id: string;
	pprof: string | null;
	/** by SIGSTOP or a debugger: it cannot answer */
	is_stopped?: boolean;
	silent_sockets?: number;
	container: string | null;
	user: string;
	cpu_pct: number;
	rss_bytes: number;
}

export interface Job {
	snapshot?: SnapshotFacts;
	state: "running" | "done" | "failed" | "stopped";
	progress: number;
	message: string;
	documents: number[];
	error: string | null | { text: string };
}

export type StateName = "running" | "runnable" | "syscall" | "network" | "sync" | "channel" | "sleep" | "gc" | "waiting" | "system";
export type StateTimes = Partial<Record<StateName, number>>;

export interface LaneRow {
	lane: string;
	id: number;
	name: string;
	start_ns: number;
	end_ns: number;
	level?: number;
	depth?: number;
	logs?: number;
	system?: boolean;
	hit_ns?: number;
	transitions?: number;
	total_ns?: StateTimes;
	/** of a task: the id of the goroutine that answers for it */
	goroutine?: number;
}
export interface LaneGroup { lane: string; name: string; count: number; system?: boolean; hit_ns?: number; total_ns: StateTimes }
export interface TraceGap {
	start_ns: number;
	end_ns: number;
	first_generation?: number;
	last_generation?: number;
	from_at: number;
	until_at: number;
	lost_bytes: number;
	why: string;
}

export interface LanesAnswer {
	duration_ns: number;
	goroutines: number;
	procs: number;
	threads: number;
	tasks: number;
	transitions: number;
	overlays?: { name: string; has_times: boolean; start_ns: number; end_ns: number; samples: number; outside: number; unplaced: number }[];
	damage?: string;
	/** the file ends inside its last generation: nothing is broken */
	incomplete?: string;
	/** where something of a damaged trace is missing */
	gaps?: TraceGap[];
	hit_ns?: number;
	count: number;
	groups?: LaneGroup[];
	rows: LaneRow[];
}

export interface GoroutineRef { lane: string; id: number; name: string }
export interface TraceSpan {
	start_ns: number;
	end_ns: number;
	state: StateName;
	reason?: string;
	proc?: number;
	thread?: number;
	peer?: GoroutineRef;
	stack: { name: string; file: string; line: number }[];
}
export interface GoroutineDetail {
	lane: string;
	id: number;
	name: string;
	system: boolean;
	start_ns: number;
	end_ns: number;
	saw_start: boolean;
	saw_end: boolean;
	creator: GoroutineRef | null;
	create_stack: { name: string; file: string; line: number }[];
	children: number;
	regions: number;
	logs: number;
	transitions: number;
	total_ns: StateTimes;
	waits: { state: StateName; reason: string; count: number; total_ns: number; longest_ns: number; longest_at_ns: number }[];
	ranges: { name: string; count: number; total_ns: number }[];
	woken_by: { goroutine: GoroutineRef | null; count: number }[];
	woke: { goroutine: GoroutineRef | null; count: number }[];
	span_count: number;
	spans: TraceSpan[];
}

export interface SampleRow {
	time_ns?: number;
	cpu?: number;
	pid?: number;
	thread?: number;
	goroutine?: number;
	depth: number;
	value: number;
	leaf: string;
	labels: { key: string; value?: string; number?: number; unit?: string }[];
	stack?: { name: string; file: string; line: number }[];
}
export interface SamplesAnswer { count: number; total: number; type: string; unit: string; rows: SampleRow[] }

export interface MmuWindow { window_ns: number; utilization: number; start_ns: number }
/** distribution[i]: the utilization that a share shares[i] of all windows of the length does not reach */
export interface MmuAnswer { mean: number; /** gaps, which no window touches */ unknown_ns: number; shares: number[]; curve: (MmuWindow & { distribution: number[] })[]; worst: MmuWindow[] }

export type TrendVerdict = "growing" | "shrinking" | "steady" | "can't tell";
export interface TrendRow {
	name: string;
	file?: string;
	line?: number;
	verdict: TrendVerdict;
	slowing: boolean;
	slope_per_s: number;
	/** null: too few moments to say */
	low_per_s: number | null;
	high_per_s: number | null;
	/** where the line is at the first moment */
	level: number;
	p: number;
	q: number;
	autocorrelation: number;
	mean: number;
	doubles_in_s: number | null;
	gib_in_s: number | null;
	values: number[];
	/** leaf first */
	stack: string[];
}
export interface TrendAnswer {
	type: string;
	unit: string;
	/** values are per second, between two profiles */
	is_rate: boolean;
	by: "flat" | "cum" | "stack";
	confidence: number;
	profiles: number;
	same_moment: number;
	before_restart: number;
	start_ns: number;
	/** of each profile in order of time: which of the documents of the question it is */
	order: number[];
	at_s: number[];
	whole: TrendRow;
	n_rows: number;
	not_tested: number;
	rows: TrendRow[];
}

export interface PathStep {
	start_ns: number;
	end_ns: number;
	/** 0: the goroutine asked about; one more for each that was waited for */
	depth: number;
	state: StateName;
	reason: string;
	wait?: StateName;
	lane?: string;
	goroutine?: number;
	goroutine_name?: string;
	at: { name: string; file: string; line: number } | null;
	waker_lane?: string;
	waker?: number;
	waker_name?: string;
	waker_at?: { name: string; file: string; line: number } | null;
	/** its beginning was not seen: before the trace, or in a gap of it */
	is_older: boolean;
	/** a wait that the steps behind it tell */
	is_followed: boolean;
}
export interface PathAnswer { name: string; goroutine: number; left_out: number; start_ns: number; end_ns: number; is_cut: boolean; total_ns: StateTimes; others_ns: number; steps: PathStep[] }
