// The addresses of the answers that the views show; in one place so that two views that show the same share it.

import { exactName, profileQuery } from "../state/query";
import type { Route } from "../state/route";

/** Difference views name the base themselves; everywhere else the base would hide what the document says. */
function without(route: Route): Route {
	return route.view === "diff" ? route : { ...route, base: 0 };
}

export function flameUrl(route: Route, extra: Record<string, string> = {}): string {
	const q = profileQuery(without(route));
	if (route.order !== "heavy") q.set("order", route.order);
	if (route.groupBy) q.set("group-by", route.groupBy);
	for (const [k, v] of Object.entries(extra)) q.set(k, v);
	return `/api/flame?${q}`;
}

export function topUrl(route: Route): string {
	return `/api/top?${profileQuery(without(route))}&limit=0`;
}

export function convertUrl(route: Route): string {
	return `/api/convert?${profileQuery(without(route))}`;
}

export function peekUrl(route: Route, name: string): string {
	return `/api/peek?${profileQuery(without(route))}&function=${encodeURIComponent(exactName(name))}`;
}

export function listUrl(route: Route, name: string, asm = false): string {
	return `/api/list?${profileQuery(without(route))}&function=${encodeURIComponent(exactName(name))}${asm ? "&asm=1" : ""}`;
}

export function tagsUrl(route: Route): string {
	return `/api/tags?${profileQuery(without(route))}`;
}

export function tracesUrl(route: Route, limit: number, offset: number): string {
	const extra = route.fn ? [`only-function:${route.fn}`] : [];
	return `/api/traces?${profileQuery(without(route), extra)}&limit=${limit}&offset=${offset}&sort=value`;
}

export function samplesUrl(route: Route, limit: number, offset: number): string {
	const extra = route.fn ? [`only-function:${route.fn}`] : [];
	return `/api/samples?${profileQuery(without(route), extra)}&limit=${limit}&offset=${offset}&stacks=1`;
}

export function searchUrl(route: Route, regex: string): string {
	return `/api/search?${profileQuery(without({ ...route, mode: "highlight" }))}&query=${encodeURIComponent(regex)}`;
}

export function diffUrl(route: Route): string {
	return `/api/diff?${profileQuery(route)}&limit=0`;
}

export function infoUrl(route: Route): string {
	return `/api/info?doc=${route.doc}`;
}
