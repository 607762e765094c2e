// The one selection: what is looked at, how, and what is picked in it. It lives here and in the URL; back and forward undo it.

import { computed, signal } from "@preact/signals";

export interface Route {
	view: string;
	doc: number;
	base: number;
	type: string;
	unit: string;
	order: "heavy" | "name";
	/** flames grow upwards instead of icicles downwards */
	up: boolean;
	invert: boolean;
	/** of a trace: stacks begin with those of the goroutine's creators */
	creation: boolean;
	/** transforms in order, "kind:NAME" */
	transforms: string[];
	query: string;
	mode: "highlight" | "filter";
	/** "+key:value" keeps, "-key:value" drops */
	labels: string[];
	groupBy: string;
	granularity: string;
	/** node id whose frame fills the width; 0 is the whole graph */
	root: number;
	/** visible part of the width, "from-to" in fractions; "" is all */
	zoom: string;
	/** selected function, and the frame of it in this graph (-1: the function as a whole) */
	fn: string;
	node: number;
	goroutineBy: string;
	goroutineState: string;
	asm: boolean;
	normalize: boolean;
	sort: string;
	drawer: string;
	/** expression over samples that every view counts (docs/filter.md) */
	filter: string;
	/** timeline, in nanoseconds of the trace: what is in sight, "from-to"; "" is all */
	sight: string;
	/** part of the trace that every view counts: "from-to" */
	range: string;
	/** goroutines (as the runtime numbers them) and start functions that every view counts */
	goroutines: string[];
	starters: string[];
	/** selected lane and moment in it (-1: the lane as a whole) */
	lane: string;
	at: number;
	pins: string[];
	/** groups that are open, sections that are not as usual */
	open: string[];
	folds: string[];
	lanesBy: string;
	lanesSort: string;
	lanesState: string;
	lanesTask: string;
	lanesMin: string;
	/** only lanes with the selected function */
	lanesMarked: boolean;
	/** the lanes as a table */
	lanesTable: boolean;
	/** the critical path that is shown: "goroutine:from-to" */
	path: string;
	/** mutator utilization: what is counted as the collector's, and the length of the window looked at, in nanoseconds (0: the usual) */
	counted: string;
	window: number;
	/** heap: address of the selected object */
	object: string;
	/** what its overview lists */
	list: string;
	/** treemap: what boxes are, what fills the picture (a node, or an object's address), the selected box, and whether it is a table */
	heapBy: "name" | "object";
	mapRoot: string;
	box: number;
	mapTable: boolean;
	/** references: around which object or type, and what else is open */
	around: string;
	opened: string[];
	/** growth: the first of three heaps */
	oldest: number;
	/** trend: what a row is, how many profiles are left out at the beginning, how far apart those are that do not say it; which of the stacks of the selected name; the rows as a table */
	trendBy: "flat" | "cum" | "stack";
	skip: number;
	interval: string;
	nth: number;
	trendTable: boolean;
}

export const defaults: Route = {
	view: "flame", doc: 0, base: 0, type: "", unit: "auto", order: "heavy", up: false, invert: false, creation: false,
	transforms: [], query: "", mode: "highlight", labels: [], groupBy: "", granularity: "functions",
	root: 0, zoom: "", fn: "", node: -1, goroutineBy: "stack", goroutineState: "", asm: false, normalize: false,
	sort: "", drawer: "",
	filter: "", sight: "", range: "", goroutines: [], starters: [], lane: "", at: -1, pins: [], open: [], folds: [], lanesBy: "function", lanesSort: "start",
	lanesState: "", lanesTask: "", lanesMin: "", lanesMarked: false, lanesTable: false, path: "",
	counted: "sba", window: 0,
	object: "", list: "", heapBy: "name", mapRoot: "", box: -1, mapTable: false, around: "", opened: [], oldest: 0,
	trendBy: "flat", skip: 0, interval: "10s", nth: 0, trendTable: false,
};

// Names in the URL, short because links get pasted into chats.
const keys: [keyof Route, string][] = [
	["doc", "doc"], ["base", "base"], ["type", "type"], ["unit", "unit"], ["order", "order"], ["up", "up"],
	["invert", "invert"], ["creation", "creation"], ["transforms", "t"], ["query", "q"], ["mode", "mode"], ["labels", "label"],
	["groupBy", "group"], ["granularity", "by"], ["root", "root"], ["zoom", "z"], ["fn", "fn"], ["node", "node"],
	["goroutineBy", "gby"], ["goroutineState", "gstate"], ["asm", "asm"], ["normalize", "norm"], ["sort", "sort"],
	["drawer", "drawer"], ["filter", "filter"], ["sight", "tl"], ["range", "sel"], ["goroutines", "g"], ["starters", "start"], ["lane", "lane"], ["at", "at"],
	["pins", "pin"], ["open", "open"], ["folds", "fold"], ["lanesBy", "lby"], ["lanesSort", "lsort"], ["lanesState", "lstate"],
	["lanesTask", "ltask"], ["lanesMin", "lmin"], ["lanesMarked", "lmark"], ["lanesTable", "ltable"], ["path", "path"],
	["counted", "gc"], ["window", "win"],
	["object", "obj"], ["list", "list"], ["heapBy", "hby"], ["mapRoot", "map"], ["box", "box"], ["mapTable", "mtable"], ["around", "around"], ["opened", "more"], ["oldest", "first"],
	["trendBy", "tby"], ["skip", "skip"], ["interval", "every"], ["nth", "nth"], ["trendTable", "ttable"],
];

export function parseRoute(hash: string): Route {
	const text = hash.replace(/^#\/?/, "");
	const cut = text.indexOf("?");
	const view = (cut < 0 ? text : text.slice(0, cut)) || defaults.view;
	const query = new URLSearchParams(cut < 0 ? "" : text.slice(cut + 1));
	const route: Route = { ...defaults, view, transforms: [], labels: [], goroutines: [], starters: [], pins: [], open: [], folds: [], opened: [] };
	const out = route as unknown as Record<string, unknown>;
	for (const [key, short] of keys) {
		const all = query.getAll(short);
		if (all.length === 0) continue;
		const initial = defaults[key];
		if (Array.isArray(initial)) out[key] = all;
		else if (typeof initial === "number") out[key] = /^-?\d{1,15}$/.test(all[0]!) ? Number(all[0]) : initial;
		else if (typeof initial === "boolean") out[key] = all[0] === "1";
		else out[key] = all[0];
	}
	if (route.order !== "name") route.order = "heavy";
	if (route.mode !== "filter") route.mode = "highlight";
	if (route.heapBy !== "object") route.heapBy = "name";
	if (route.trendBy !== "cum" && route.trendBy !== "stack") route.trendBy = "flat";
	return route;
}

export function formatRoute(route: Route): string {
	const query = new URLSearchParams();
	for (const [key, short] of keys) {
		const value = route[key];
		const initial = defaults[key];
		if (Array.isArray(value)) for (const v of value) query.append(short, v);
		else if (value !== initial) query.set(short, typeof value === "boolean" ? (value ? "1" : "0") : String(value));
	}
	const text = query.toString();
	return `#/${route.view}${text ? `?${text}` : ""}`;
}

// A change of any of these makes another graph: node ids and the zoom of the old one mean nothing in it.
const shaping: (keyof Route)[] = [
	"doc", "base", "type", "invert", "creation", "transforms", "labels", "groupBy", "granularity", "normalize", "filter", "range", "goroutines", "starters",
];

/** All samples again. */
export const noFilters: Partial<Route> = { transforms: [], labels: [], query: "", groupBy: "", filter: "", range: "", goroutines: [], starters: [] };

/** Views of a heap alone. */
export const heapViews = ["heap", "treemap", "refs", "leaks", "growth"];

/** Of a heap: whether functions that allocate are what is selected, and not types and holders. */
function selectsCode(r: Route): boolean {
	return heapViews.includes(r.view) ? r.view === "heap" && r.list === "places" : /^(alloc|inuse)_/.test(r.type);
}

export function changeRoute(old: Route, patch: Partial<Route>): Route {
	const next: Route = { ...old, ...patch };
	const same = (a: unknown, b: unknown) => (Array.isArray(a) ? a.join("\n") === (b as string[]).join("\n") : a === b);
	const filterOf = (r: Route) => (r.mode === "filter" ? r.query : "");
	if (shaping.some((key) => !same(old[key], next[key])) || filterOf(old) !== filterOf(next)) {
		if (!("root" in patch)) next.root = 0;
		if (!("zoom" in patch)) next.zoom = "";
		if (!("node" in patch)) next.node = -1;
	} else if (old.root !== next.root && !("zoom" in patch)) next.zoom = "";
	// One thing is selected: a function, type or holder takes the place of an object.
	if (next.fn !== old.fn && next.fn && !("object" in patch)) next.object = "";
	if (heapViews.some((v) => v === old.view || v === next.view) && selectsCode(old) !== selectsCode(next) && !("fn" in patch)) next.fn = "";
	// Lanes and moments of another trace mean nothing in this one.
	if (old.doc !== next.doc && old.doc !== 0)
		for (const key of ["sight", "range", "lane", "at", "path", "goroutines", "starters", "pins", "open", "folds", "lanesTask", "creation", "window", "object", "mapRoot", "box", "around", "opened"] as const)
			if (!(key in patch)) Object.assign(next, { [key]: defaults[key] });
	return next;
}

const inBrowser = typeof location !== "undefined";
export const route = signal<Route>(parseRoute(inBrowser ? location.hash : ""));

export function hrefOf(patch: Partial<Route>): string {
	return formatRoute(changeRoute(route.value, patch));
}

/** "push" makes a step that the back button undoes; "replace" refines the current one (typing, panning). */
export function navigate(patch: Partial<Route>, how: "push" | "replace" = "push"): void {
	const next = changeRoute(route.peek(), patch);
	const url = formatRoute(next);
	if (url === formatRoute(route.peek())) return;
	if (how === "push") history.pushState(null, "", url);
	else history.replaceState(null, "", url);
	route.value = next;
}

if (inBrowser) {
	const follow = () => {
		const next = parseRoute(location.hash);
		if (formatRoute(next) !== formatRoute(route.peek())) route.value = next;
	};
	addEventListener("popstate", follow);
	addEventListener("hashchange", follow);
}

export const view = computed(() => route.value.view);
