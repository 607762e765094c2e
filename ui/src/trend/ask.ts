// Which documents make a series, and the question what grows over it.

import type { Doc, TrendRow } from "../api/types";
import { baseName } from "../lib/names";
import { profileQuery } from "../state/query";
import type { Route } from "../state/route";

/** What kind of profile a file name says: values of the same type mean another thing in another one. */
function kindOf(d: Doc): string {
	return /allocs|heap|goroutine|mutex|block|threadcreate|cpu-go|cpu|perf\.data/.exec(baseName(d.name))?.[0] ?? "";
}

/** Profiles of one program and one kind, in the order in which they were opened. */
export function seriesOf(d: Doc, all: Doc[]): Doc[] {
	const types = (x: Doc) => (x.sample_types ?? []).map((t) => t.type).join();
	const agree = (a: string | undefined, b: string | undefined) => !a || !b || a === b;
	return all.filter((x) => x.id === d.id || (x.kind === d.kind && types(x) === types(d) && agree(kindOf(x), kindOf(d)) && agree(x.main_module, d.main_module)));
}

/** The last one, as far as they say when they were taken. */
export function newestOf(series: Doc[]): Doc {
	return series.reduce((a, b) => ((b.time_ns ?? 0) >= (a.time_ns ?? 0) ? b : a));
}

/** Profiles that do not say when they were taken need a word about that. */
export function needsInterval(series: Doc[]): boolean {
	return series.some((x) => !x.time_ns);
}

export function trendUrl(route: Route, series: Doc[], type: string): string {
	const q = profileQuery({ ...route, base: 0, type });
	q.set("doc", series.map((x) => x.id).join());
	q.set("by", route.trendBy);
	if (route.skip > 0) q.set("skip", String(route.skip));
	if (needsInterval(series)) q.set("interval", route.interval);
	return `/api/trend?${q}&limit=0`;
}

/** Several stacks may end in one function: a row is its name and which of that name it is. */
export interface NamedRow { row: TrendRow; key: string; nth: number }

export function nameRows(rows: TrendRow[]): NamedRow[] {
	const seen = new Map<string, number>();
	return rows.map((row) => {
		const nth = seen.get(row.name) ?? 0;
		seen.set(row.name, nth + 1);
		return { row, nth, key: `${nth}/${row.name}` };
	});
}
