// The views of the page. A view is one row here: its tab, key, palette entry and help line come from it.

import type { ComponentType } from "preact";
import type { Doc } from "../api/types";
import type { Route } from "../state/route";
import { documents, ofAllocations } from "../state/session";
import { GrowthView } from "../heap/growth";
import { HeapInspector } from "../heap/inspector";
import { LeaksView } from "../heap/leaks";
import { TreemapView } from "../heap/map";
import { HeapView } from "../heap/overview";
import { RefsView } from "../heap/refs";
import { MmuView } from "../mmu/view";
import { DiffView } from "./diff";
import { FlameView } from "./flame";
import { GoroutinesView } from "./goroutines";
import { SandwichView } from "./sandwich";
import { SourceView } from "./source";
import { TableView } from "./table";
import { TimelineInspector } from "../timeline/inspector";
import { TimelineView } from "../timeline/pane";
import { newestOf, seriesOf } from "../trend/ask";
import { TrendView } from "../trend/view";
import { TreeView } from "./tree";

export interface View {
	id: string;
	title: string;
	summary: string;
	component: ComponentType;
	/** whether a document can be shown this way */
	fits(doc: Doc): boolean;
	/** which parts of the frame around it make sense */
	search: boolean;
	inspector: boolean;
	order?: boolean;
	/** what the inspector shows instead of functions */
	side?: ComponentType;
	/** neither samples nor their filters are in it */
	plain?: boolean;
	/** of a heap alone: there are types and objects, no samples */
	heap?: boolean;
	/** it shows several documents, the open one is a place in it */
	series?: boolean;
	/** where it is entered, besides as it was left */
	enter?(doc: Doc): Partial<Route>;
}

const isHeap = (doc: Doc) => doc.kind === "heap";
/** A heap is a profile too, of what retains it; but its boxes are no code. */
const profile = (doc: Doc) => (doc.sample_types?.length ?? 0) > 0;
const code = (doc: Doc) => profile(doc) && !isHeap(doc);
const ofHeap = { fits: isHeap, search: true, inspector: true, side: HeapInspector, heap: true } as const;

export const views: View[] = [
	{ id: "heap", title: "Heap", summary: "What is alive, by type, holder and object", component: HeapView, ...ofHeap },
	{ id: "treemap", title: "Treemap", summary: "What retains what, as boxes in boxes", component: TreemapView, ...ofHeap },
	{ id: "timeline", title: "Timeline", summary: "What every goroutine did, when", component: TimelineView, fits: (d) => d.kind === "trace", search: true, inspector: true, side: TimelineInspector },
	{ id: "flame", title: "Flame", summary: "Where the cost is, by stack", component: FlameView, fits: profile, search: true, inspector: true, order: true },
	{ id: "tree", title: "Tree", summary: "The same frames as rows", component: TreeView, fits: profile, search: true, inspector: true, order: true },
	{ id: "refs", title: "References", summary: "What points to what around an object or a type", component: RefsView, ...ofHeap },
	{ id: "leaks", title: "Leaks", summary: "Goroutines that can never wake, and where memory piles up", component: LeaksView, ...ofHeap },
	{ id: "growth", title: "Growth", summary: "Two or three heaps compared", component: GrowthView, ...ofHeap },
	{ id: "sandwich", title: "Sandwich", summary: "Callers and callees of one function", component: SandwichView, fits: code, search: true, inspector: true, order: true },
	{ id: "table", title: "Table", summary: "Every function with its cost", component: TableView, fits: code, search: true, inspector: true },
	{ id: "source", title: "Source", summary: "Lines and instructions with their cost", component: SourceView, fits: profile, search: false, inspector: true },
	{ id: "mmu", title: "MMU", summary: "Minimum mutator utilization: how much the collector left to the program", component: MmuView, fits: (d) => d.kind === "trace", search: false, inspector: false, plain: true },
	{ id: "goroutines", title: "Goroutines", summary: "What each goroutine does, grouped", component: GoroutinesView, fits: (d) => d.kind === "goroutines" || isHeap(d) || (d.sample_types ?? []).some((t) => t.type === "goroutine"), search: true, inspector: false },
	{ id: "diff", title: "Diff", summary: "Two profiles compared", component: DiffView, fits: code, search: true, inspector: true, order: true },
	{ id: "trend", title: "Trend", summary: "What grows over a series of profiles", component: TrendView, fits: (d) => code(d) && d.kind !== "trace" && seriesOf(d, documents.value).length > 1, search: true, inspector: true, series: true, enter: (d) => ({ doc: newestOf(seriesOf(d, documents.value)).id }) },
];

export function viewsFor(doc: Doc | null): View[] {
	return doc ? views.filter((v) => v.fits(doc)) : [];
}

/** What a view is called for a document: a heap's flame graph is of what retains it. */
export function titleOf(v: View, doc: Doc | null): string {
	return doc?.kind === "heap" && v.id === "flame" && !ofAllocations.value ? "Icicle" : v.title;
}

export function sideOf(v: View, doc: Doc | null): ComponentType | undefined {
	return doc?.kind === "heap" && (v.heap || !ofAllocations.value) ? HeapInspector : v.side;
}

/** What going to a view makes of the selection. */
export function entering(v: View, doc: Doc | null): Partial<Route> {
	return { view: v.id, ...(doc && v.enter?.(doc)) };
}
