import { describe, expect, it } from "vitest";
import { changeRoute, defaults, formatRoute, parseRoute, type Route } from "../src/state/route";
import { engineRegex, exactName, labelFilters, profileQuery, searchPattern } from "../src/state/query";
import { flameUrl, topUrl } from "../src/views/urls";

const route = (patch: Partial<Route> = {}): Route => ({ ...defaults, transforms: [], labels: [], doc: 1, ...patch });

describe("the selection in the URL", () => {
	it("comes back as it went out", () => {
		const r = route({
			view: "diff", doc: 3, base: 2, type: "alloc_space", unit: "MB", order: "name", up: true, invert: true, creation: true, query: "a b&c=#%+", mode: "filter",
			transforms: ["focus-function:main.(*T).f[go.shape.int]", "hide-function:a:b", "collapse-recursion:*"], labels: ["+k:v w", "-tenant:x=y&z"],
			groupBy: "handler", root: 77, zoom: "0.25-0.5", fn: "<img src=x onerror=alert(1)>", node: 12, asm: true, drawer: "samples", sort: "-cum",
		});
		expect(parseRoute(formatRoute(r))).toEqual(r);
	});
	it("leaves defaults out", () => {
		expect(formatRoute(route({ doc: 0 }))).toBe("#/flame");
		expect(parseRoute("")).toEqual(route({ doc: 0 }));
	});
	it("survives nonsense", () => {
		const r = parseRoute("#/flame?doc=x&root=1e9&node=--&order=sideways&mode=9&zzz=1&t=");
		expect([r.doc, r.root, r.node, r.order, r.mode]).toEqual([0, 0, -1, "heavy", "highlight"]);
	});
	it("forgets node ids and zoom when another graph is asked for, and only then", () => {
		const r = route({ root: 5, zoom: "0.1-0.2", node: 9, fn: "main.f" });
		const hidden = changeRoute(r, { transforms: ["hide-function:x"] });
		expect([hidden.root, hidden.zoom, hidden.node, hidden.fn]).toEqual([0, "", -1, "main.f"]);
		expect(changeRoute(r, { query: "x" }).root).toBe(5);
		expect(changeRoute(r, { query: "x", mode: "filter" }).root).toBe(0);
		expect(changeRoute(r, { view: "tree", unit: "ms" })).toMatchObject({ root: 5, zoom: "0.1-0.2", node: 9 });
		expect(changeRoute(r, { root: 6 })).toMatchObject({ root: 6, zoom: "", node: 9 });
	});
});

describe("questions to the engine", () => {
	it("carry transforms in order, inversion last", () => {
		const q = profileQuery(route({ transforms: ["drop-function:b", "focus-function:a"], invert: true, granularity: "lines", type: "cpu" }));
		expect(q.getAll("transform")).toEqual(["drop-function:b", "focus-function:a", "invert"]);
		expect(q.get("granularity")).toBe("lines");
		expect(q.get("sample-index")).toBe("cpu");
		expect(q.get("focus")).toBeNull();
	});
	it("ask for stacks by creation of traces only until another document comes", () => {
		expect(profileQuery(route({ creation: true })).get("creation")).toBe("1");
		expect(profileQuery(route({ type: "wall" })).has("creation")).toBe(false);
		expect(changeRoute(route({ creation: true, root: 4 }), { doc: 2 })).toMatchObject({ creation: false, root: 0 });
	});
	it("filter by the search only in filter mode", () => {
		expect(profileQuery(route({ query: "json", mode: "filter" })).get("focus")).toBe("(?i)json");
		expect(profileQuery(route({ query: "json" })).get("focus")).toBeNull();
	});
	it("name the base in the difference view only", () => {
		expect(flameUrl(route({ base: 2 }))).not.toContain("base=");
		expect(flameUrl(route({ base: 2, view: "diff", normalize: true }))).toContain("base=2&normalize=1");
		expect(topUrl(route({ base: 2 }))).toBe("/api/top?doc=1&limit=0");
	});
	it("turn label picks into pprof's filters", () => {
		const f = labelFilters(["+handler:/pay", "+handler:/list", "+tenant:a,b=c", "-tenant:x", "-n:1.5"]);
		expect(f.focus).toBe("^handler:(/pay|/list)$,^tenant:(a\\x2cb\\x3dc)$");
		expect(f.ignore).toBe("(^tenant:x$|^n:1\\.5$)");
		expect(labelFilters([])).toEqual({ focus: "", ignore: "" });
	});
	it("search literally what is no regular expression, and without case what has none", () => {
		expect(searchPattern("(*Server).Serve")).toEqual({ source: "\\(\\*Server\\)\\.Serve", ignoreCase: false, literal: true });
		expect(engineRegex("json|xml")).toBe("(?i)json|xml");
		expect(engineRegex("JSON")).toBe("JSON");
		expect(exactName("a.(*T).f[...]")).toBe("^a\\.\\(\\*T\\)\\.f\\[\\.\\.\\.\\]$");
	});
});
