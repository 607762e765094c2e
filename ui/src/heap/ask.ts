// The questions that the heap's views ask, and how things of a heap are called.

import { spellings, visible } from "../lib/names";
import { exactName } from "../state/query";
import { navigate, route } from "../state/route";

function question(op: string, args: Record<string, string | number>): string {
	const q = new URLSearchParams({ doc: String(route.value.doc) });
	for (const [k, v] of Object.entries(args)) q.set(k, String(v));
	return `/api/heap-${op}?${q}`;
}

export const summaryUrl = () => question("summary", { limit: 0 });
export const placesUrl = () => question("summary", { by: "allocation", limit: 0 });
export const holdersUrl = (kind = "all") => question("holders", { limit: 5000, kind });
/** Variables, goroutines by function, and what several hold together. */
export const topUrl = () => question("dominators", { depth: 1, limit: 12, min: 0 });
export const objectsUrl = (type: string, limit: number, sort = "retained") => question("find", { ...(type ? { type: exactName(type) } : {}), limit, sort });
export const objectUrl = (address: string, limit = 16) => question("object", { address, limit });
export const whyUrl = (type: string) => question("refs", { type: exactName(type), limit: 24, min: 2 });
export const mapUrl = (by: string, root: string, width: number, height: number) => question("treemap", { by, ...(root ? { root } : {}), width, height, limit: 3000, format: "json" });
export const growthUrl = (docs: number[]) => `/api/heap-diff?doc=${docs.join(",")}&limit=0`;

/** The earlier heaps first. */
export const leaksUrl = (docs: number[]) => `/api/leaks?doc=${docs.join(",")}&limit=200`;

export function topologyUrl(around: string, open: string[], max: number): string {
	const isObject = /^0x[0-9a-f]+$/.test(around);
	return question("topology", { ...(isObject ? { address: around } : { type: exactName(around) }), max }) + open.filter((o) => o).map((o) => `&open=${encodeURIComponent(o)}`).join("");
}

export type HolderKind = "var" | "goroutine" | "frame" | "";

/** "var main.cache" is a variable, "main.node" a type. */
export function kindOf(name: string): HolderKind {
	return name.startsWith("var ") ? "var" : name.startsWith("goroutine ") ? "goroutine" : name.startsWith("frame ") ? "frame" : "";
}

export function isType(name: string): boolean {
	return kindOf(name) === "" && !["held by several", "finalizers", "cleanups", "weak pointers' handles", "finalizers about to run", "goroutine", "heap", "root"].includes(name);
}

/** From long to short, with the word in front as long as it fits. */
export function heapSpellings(name: string): string[] {
	const kind = kindOf(name);
	if (!kind) {
		const before = /^(?:\[\d*\]|\*|chan |map\[[^\][]*\])*/.exec(name)![0];
		return /[./]/.test(name.slice(before.length)) ? spellings(name.slice(before.length)).map((s) => visible(before) + s) : [visible(name)];
	}
	const short = spellings(name.slice(kind.length + 1));
	return [`${kind} ${visible(name.slice(kind.length + 1))}`, ...short.map((s) => `${kind} ${s}`), ...short];
}

/** The package that colours it: "[]*example.com/shop/cart.Item" is of cart. */
export function heapPackage(name: string): string {
	const bare = name.replace(/^(var|goroutine|frame) /, "").replace(/^(?:\[\d*\]|\*|chan |map\[[^\]]*\]|func\()+/, "");
	const slash = bare.lastIndexOf("/", bare.indexOf("[") > 0 ? bare.indexOf("[") : undefined);
	const dot = bare.indexOf(".", slash + 1);
	return dot > 0 ? bare.slice(0, dot) : "";
}

export function showType(name: string): void {
	navigate({ fn: name, object: "", node: -1 });
}

export function showObject(address: string): void {
	navigate({ object: address });
}
