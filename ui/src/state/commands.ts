// Every command of the page, once: the key handler, the help and the palette are printed from this list.

import { entering, titleOf, viewsFor } from "../views/registry";
import { closeDoc, cycleTheme, redoTransform, stepDocument, toggleRecursion, undoTransform } from "./actions";
import { followed, toggleFollow } from "./follow";
import { navigate, noFilters, route } from "./route";
import { doc, session, setSetting, settings } from "./session";
import { dialog, keyTarget } from "./ui";

export interface Command {
	id: string;
	title: string;
	/** as shown; the first one is matched against events */
	keys: string[];
	group: "Views" | "Search" | "Graph" | "Filter" | "Page";
	run(): void;
}

export function focusSearch(): void {
	const field = document.querySelector<HTMLInputElement>("#search");
	field?.focus();
	field?.select();
}

export function commands(): Command[] {
	const r = route.value;
	const fitting = viewsFor(doc.value);
	const searches = fitting.find((v) => v.id === r.view)?.search ?? false;
	const list: Command[] = fitting.map((v, i) => ({
		id: `view.${v.id}`, title: `${titleOf(v, doc.value)}: ${v.summary.toLowerCase()}`, keys: [String(i + 1), ...(v.id === "table" ? ["t"] : []), ...(v.id === "tree" ? ["y"] : [])],
		group: "Views", run: () => v.id !== r.view && navigate(entering(v, doc.peek())),
	}));
	list.push(
		...(searches ? [{ id: "search", title: "Search functions (regular expression)", keys: ["/", "Ctrl+F"], group: "Search" as const, run: focusSearch }] : []),
		{ id: "mode", title: r.mode === "highlight" ? "Search filters the samples" : "Search highlights", keys: ["x"], group: "Search", run: () => navigate({ mode: r.mode === "highlight" ? "filter" : "highlight" }) },
		{ id: "clear", title: "Clear the search", keys: [], group: "Search", run: () => navigate({ query: "" }) },
		{ id: "invert", title: r.invert ? "Stacks from the root again" : "Invert: stacks from the leaf", keys: ["i"], group: "Graph", run: () => navigate({ invert: !r.invert }) },
		...(doc.value?.kind === "trace" ? [{ id: "creation", title: r.creation ? "Stacks of goroutines on their own again" : "By creation: stacks begin with those of the goroutine's creators", keys: ["Shift+C"], group: "Graph" as const, run: () => navigate({ creation: !r.creation }) }] : []),
		{ id: "order", title: r.order === "heavy" ? "Order frames by name" : "Order frames by cost", keys: ["o"], group: "Graph", run: () => navigate({ order: r.order === "heavy" ? "name" : "heavy" }) },
		{ id: "up", title: r.up ? "Icicle: root at the top" : "Flame: root at the bottom", keys: ["u"], group: "Graph", run: () => navigate({ up: !r.up }) },
		{ id: "recursion", title: "Collapse all recursion, on and off", keys: ["r"], group: "Filter", run: toggleRecursion },
		{ id: "undo", title: "Undo the last filter step", keys: ["Ctrl+Z"], group: "Filter", run: undoTransform },
		{ id: "redo", title: "Redo the filter step", keys: ["Ctrl+Shift+Z"], group: "Filter", run: redoTransform },
		{ id: "reset", title: "Remove all filters", keys: ["Shift+X"], group: "Filter", run: () => navigate(noFilters) },
		{ id: "labels", title: "Labels of the samples", keys: ["l"], group: "Filter", run: () => navigate({ drawer: route.peek().drawer === "labels" ? "" : "labels" }) },
		{ id: "samples", title: "Samples with their stacks", keys: ["e"], group: "Page", run: () => navigate({ drawer: route.peek().drawer === "samples" ? "" : "samples" }) },
		{ id: "list", title: "Samples one by one, with a filter expression", keys: ["Shift+S"], group: "Page", run: () => navigate({ drawer: route.peek().drawer === "list" ? "" : "list" }) },
		{ id: "about", title: "What the profile says of itself", keys: [], group: "Page", run: () => navigate({ drawer: route.peek().drawer === "info" ? "" : "info" }) },
		{ id: "inspector", title: "Inspector pane, on and off", keys: ["p"], group: "Page", run: () => setSetting("inspector", !settings.peek().inspector) },
		{ id: "next", title: "Next document", keys: ["]"], group: "Page", run: () => stepDocument(1) },
		{ id: "previous", title: "Previous document", keys: ["["], group: "Page", run: () => stepDocument(-1) },
		...(doc.value ? [
			{ id: "close", title: "Close this document", keys: ["Shift+Q"], group: "Page" as const, run: () => doc.peek() && void closeDoc(doc.peek()!.id) },
			{ id: "follow", title: followed.value.has(doc.value.id) ? "Follow this file no longer" : "Follow this file as it grows", keys: [], group: "Page" as const, run: () => doc.peek() && toggleFollow(doc.peek()!.id) },
		] : []),
		{ id: "export", title: "Export: SVG, PNG, folded, pprof, speedscope", keys: ["Shift+E"], group: "Page", run: () => (dialog.value = "export") },
		...(session.value?.can_record ? [{ id: "record", title: "Record a running program", keys: ["Shift+R"], group: "Page" as const, run: () => (dialog.value = "record") }] : []),
		{ id: "theme", title: "Light, dark, or as the system says", keys: ["Shift+T"], group: "Page", run: cycleTheme },
		{ id: "settings", title: "Settings", keys: [","], group: "Page", run: () => (dialog.value = "settings") },
		{ id: "palette", title: "Go to anything: functions, documents, commands", keys: ["Ctrl+K", "Ctrl+Shift+P"], group: "Page", run: () => (dialog.value = "palette") },
		{ id: "help", title: "All keys", keys: ["?"], group: "Page", run: () => (dialog.value = "help") },
	);
	return list;
}

/** Keys that the canvas handles itself; for the help only. */
export const canvasKeys: [string, string][] = [
	["W S", "zoom in and out (at the pointer)"], ["A D", "move left and right"], ["0", "show all"], ["← ↑ → ↓", "walk frames"],
	["Enter", "focus: the selected frame fills the width"], ["f", "fit the selected frame; again: show all"], ["Esc", "one step back: zoom, focus, selection"],
	["n N", "next and previous match of the search"], ["m", "menu of the selected frame"],
	["wheel", "scroll; with Ctrl zoom; with Shift move"], ["drag", "move"], ["click", "select"], ["double click", "focus"], ["right click", "menu"],
];

/** The same for the timeline. */
export const timelineKeys: [string, string][] = [
	["W S", "zoom in and out (at the pointer)"], ["A D", "move in time"], ["0", "show all"], ["↑ ↓", "walk lanes"], ["← →", "close and open a group; walk the spans of a lane"],
	["Enter", "open a group; fit the selected span"], ["f", "fit the range, or the selected span"], ["r", "make the selected span, or what is in sight, the range"],
	["Shift+P", "pin the lane to the top"], ["Esc", "one step back: zoom, critical path, range, selection"],
	["drag", "select a range: every view counts it alone"], ["Shift drag", "move"], ["Ctrl drag", "zoom to a range"], ["wheel", "scroll; with Ctrl, or on the curves, zoom; with Shift move"],
	["double click", "fit the span, open the group"],
];

/** The same for mutator utilization. */
export const mmuKeys: [string, string][] = [
	["← →", "a shorter and a longer window"], ["PageUp PageDown", "ten times as short, as long"], ["Home End", "the shortest, the longest"],
	["Enter", "the worst window, selected in the timeline"], ["Esc", "the usual window"], ["click", "choose the window; on its lowest point: the timeline"], ["double click", "the worst window, selected in the timeline"],
];

/** The same for a trend. */
export const trendKeys: [string, string][] = [
	["← ↑ → ↓", "walk rows; in the curve walk profiles"], ["Home End", "the first, the last"], ["Enter", "flame graph of the newest profile, only with the selected row; in the curve of the selected profile"],
	["Shift+D", "what changed from the first to the last profile"], ["Esc", "nothing selected: the whole"], ["click", "select; in the curve the profile at that moment"], ["double click", "flame graph"],
];

/** The same for a heap's treemap and references. */
export const heapKeys: [string, string][] = [
	["← ↑ → ↓", "walk boxes; in references walk pointers and layers"], ["W S", "into a box and out of it; in references zoom"], ["Enter", "zoom into the box; open or close the node"],
	["c", "references around the selected node"], ["f", "bring the selected node to the middle"], ["0", "all of the graph"], ["Esc", "one step back: zoom, opened nodes, selection"],
	["click", "select"], ["double click", "zoom into the box; references around the node"], ["drag", "move the graph"],
];

function keyName(event: KeyboardEvent): string {
	const key = event.key.length === 1 && (event.ctrlKey || event.metaKey || event.shiftKey) ? event.key.toUpperCase() : event.key;
	const mods = (event.ctrlKey || event.metaKey ? "Ctrl+" : "") + (event.altKey ? "Alt+" : "");
	const letter = /^[A-Z]$/.test(key);
	return mods + (event.shiftKey && letter ? "Shift+" : "") + key;
}

const walking = /^(Arrow(Up|Down|Left|Right)|Page(Up|Down)|Home|End)$/;

/** Keys that walk go to the rows in sight, also from where nothing takes them: nobody has to find these with Tab first. */
function walkRows(event: KeyboardEvent): void {
	const rows = document.querySelector<HTMLElement>("#view .table, #view [role='listbox']");
	if (!rows) return;
	rows.focus({ preventScroll: true });
	rows.dispatchEvent(new KeyboardEvent("keydown", { key: event.key, bubbles: true, cancelable: true }));
	event.preventDefault();
}

function stepBack(): void {
	const r = route.peek();
	if (keyTarget.peek()?.back()) return;
	if (r.object) navigate({ object: "" });
	else if (r.view === "timeline" && r.path) navigate({ path: "" });
	else if (r.view === "timeline" && (r.lane || r.range)) navigate(r.range ? { range: "" } : { lane: "", at: -1 });
	else if (r.node >= 0 || r.fn) navigate({ node: -1, fn: "" });
	else if (r.drawer) navigate({ drawer: "" });
	else if (r.query) navigate({ query: "" });
}

export function handleKey(event: KeyboardEvent): void {
	if (event.defaultPrevented || dialog.peek()) return;
	const target = event.target as HTMLElement;
	const typing = target instanceof HTMLInputElement && target.type !== "checkbox" || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
	const name = keyName(event);
	if (typing && !name.startsWith("Ctrl+")) return;
	if (typing && name === "Ctrl+Z") return;
	if (name === "Escape") {
		stepBack();
		event.preventDefault();
		return;
	}
	// A button or link that has the focus keeps the keys that press it.
	const pressing = (event.key === "Enter" || event.key === " ") && target.closest("button, a, select, summary");
	if (pressing) return;
	if (!typing && keyTarget.peek()?.key(event)) {
		event.preventDefault();
		return;
	}
	const command = commands().find((c) => c.keys.includes(name));
	if (!command) {
		if (!typing && event.isTrusted && walking.test(name) && !target.closest("#view, .drawer, [role='dialog']")) walkRows(event);
		return;
	}
	event.preventDefault();
	command.run();
}
