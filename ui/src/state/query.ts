// From the selection to the engine's questions.

import { quoteRegex } from "../lib/names";
import { timeArgument } from "../timeline/time";
import type { Route } from "./route";

/** What a person typed as a regular expression; text that is none is searched literally; all lower case ignores case. */
export function searchPattern(query: string): { source: string; ignoreCase: boolean; literal: boolean } {
	let source = query;
	let literal = false;
	try {
		new RegExp(source);
	} catch {
		source = quoteRegex(query);
		literal = true;
	}
	return { source, ignoreCase: query === query.toLowerCase(), literal };
}

export function searchRegExp(query: string): RegExp | null {
	if (!query) return null;
	const p = searchPattern(query);
	return new RegExp(p.source, p.ignoreCase ? "i" : "");
}

export function engineRegex(query: string): string {
	const p = searchPattern(query);
	return p.ignoreCase ? `(?i)${p.source}` : p.source;
}

// In pprof's label filters "=" ends a key and "," separates filters: both are written as escapes.
function quoteLabel(text: string): string {
	return quoteRegex(text).replaceAll(",", "\\x2c").replaceAll("=", "\\x3d");
}

/** Label picks as pprof's filters: values of one key are alternatives, keys must all match. */
export function labelFilters(labels: string[]): { focus: string; ignore: string } {
	const keep = new Map<string, string[]>();
	const drop: string[] = [];
	for (const pick of labels) {
		const colon = pick.indexOf(":");
		if (colon < 2) continue;
		const key = pick.slice(1, colon);
		const value = pick.slice(colon + 1);
		if (pick[0] === "-") drop.push(`^${quoteLabel(key)}:${quoteLabel(value)}$`);
		else keep.set(key, [...(keep.get(key) ?? []), quoteLabel(value)]);
	}
	return {
		focus: [...keep].map(([key, values]) => `^${quoteLabel(key)}:(${values.join("|")})$`).join(","),
		ignore: drop.length > 1 ? `(${drop.join("|")})` : (drop[0] ?? ""),
	};
}

/** The part of an execution trace that is counted: a stretch of time, some goroutines. */
export function addTracePart(q: URLSearchParams, route: Route): void {
	const time = timeArgument(route.range);
	if (time) q.set("time", time);
	for (const g of route.goroutines) q.append("goroutine", g);
	if (route.starters.length) q.set("group", route.starters.map(exactName).join("|"));
}

/** The arguments every profile operation takes. `extra` transforms go last. */
export function profileQuery(route: Route, extra: string[] = []): URLSearchParams {
	const q = new URLSearchParams();
	q.set("doc", String(route.doc));
	if (route.base) q.set("base", String(route.base));
	if (route.type) q.set("sample-index", route.type);
	if (route.query && route.mode === "filter") q.set("focus", engineRegex(route.query));
	const labels = labelFilters(route.labels);
	if (labels.focus) q.set("tagfocus", labels.focus);
	if (labels.ignore) q.set("tagignore", labels.ignore);
	if (route.granularity !== "functions") q.set("granularity", route.granularity);
	for (const t of route.transforms) q.append("transform", t);
	if (route.invert) q.append("transform", "invert");
	for (const t of extra) q.append("transform", t);
	if (route.normalize && route.base) q.set("normalize", "1");
	if (route.creation) q.set("creation", "1");
	if (route.filter) q.set("filter", route.filter);
	addTracePart(q, route);
	return q;
}

export function exactName(name: string): string {
	return `^${quoteRegex(name)}$`;
}
