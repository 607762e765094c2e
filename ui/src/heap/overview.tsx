// A heap at a glance: how much is alive, of what, held by whom; then type by type, holder by holder, object by object.

import { useMemo } from "preact/hooks";
import type { HeapFound, HeapHolder, HeapHolders, HeapObjectRow, HeapSummary, HeapType, SnapshotFacts, SnapshotWay } from "../api/heap";
import type { Job } from "../api/types";
import { formatCount, formatDuration, formatPercent, formatValue } from "../lib/format";
import { baseName, visible } from "../lib/names";
import { Bar } from "../panels/cells";
import { CloseIcon } from "../panels/icons";
import { Empty, ErrorState, Loading } from "../panels/states";
import { VirtualTable, type Column } from "../panels/table";
import { useJSON } from "../state/answer";
import { searchRegExp } from "../state/query";
import { navigate, route } from "../state/route";
import { sortRows } from "../views/table";
import { Places } from "./allocated";
import { heapSpellings, holdersUrl, isType, objectsUrl, summaryUrl } from "./ask";

const objects = (n: number) => `${formatCount(n)} ${n === 1 ? "object" : "objects"}`;
export const bytes = (n: number) => formatValue(n, "bytes", route.value.unit);

/** How long the process stood still for this heap, when it was taken from the page. */
export function useSnapshot(doc: number): SnapshotFacts | null {
	const jobs = useJSON<{ jobs: (Job & { snapshot?: SnapshotFacts })[] }>("/api/jobs", doc);
	return jobs.data?.jobs.find((j) => j.snapshot && j.documents.includes(doc))?.snapshot ?? null;
}

function Fact({ title, value, note, hint }: { title: string; value: string; note?: string; hint?: string }) {
	return <div class="fact" title={hint}><dt>{title}</dt><dd><b>{value}</b>{note && <span class="dim">{note}</span>}</dd></div>;
}

const SHOTS: Record<SnapshotWay, string> = {
	precopy: "Its memory was copied while it ran; it stood still for what it had written to meanwhile",
	fork: "A copy-on-write child was read while the process went on",
	copy: "The process stood still while its memory was copied",
};

function Facts({ s }: { s: HeapSummary }) {
	const shot = useSnapshot(route.value.doc);
	const garbage = Math.max(0, s.in_use_bytes - s.live_bytes);
	const unknown = s.types.reduce((n, t) => n + (t.known_by === "shape" ? t.shallow_bytes : 0), 0);
	return (
		<dl class="heap-facts">
			<Fact title="Live" value={bytes(s.live_bytes)} note={objects(s.objects)} hint="What the collector would keep" />
			<Fact title="Not freed yet" value={bytes(garbage)} note={objects(Math.max(0, s.in_use_objects - s.objects))} hint="Garbage that the collector has not swept" />
			<Fact title="Goroutines" value={formatCount(s.goroutines)} note={`${bytes(s.stack_bytes)} of stacks`} />
			<Fact title="Roots" value={formatCount(s.roots)} note={`${formatCount(s.edges)} pointers`} hint="Words in variables and frames that point into the heap" />
			<Fact title="Type not known" value={formatPercent(unknown, s.live_bytes)} note={bytes(unknown)} hint="Known by size and pointers only: nothing typed leads to them" />
			{shot && <Fact title="Pause" value={formatDuration(shot.pause_ns)} note={`predicted ${formatDuration(shot.predicted_pause_ns)}`} hint={`${SHOTS[shot.how]}${shot.note ? `; ${shot.note}` : ""}`} />}
			<Fact title="Program" value={visible(s.go_version)} note={`${visible(s.arch)} · ${visible(baseName(s.executable))}`} hint={visible(s.executable)} />
		</dl>
	);
}

const lists: [string, string][] = [["types", "Types"], ["holders", "Holders"], ["places", "Allocations"], ["objects", "Objects"]];

export function HeapView() {
	const r = route.value;
	const summary = useJSON<HeapSummary>(summaryUrl());
	if (summary.error) return <ErrorState error={summary.error} />;
	if (!summary.data) return <Loading what="Reading the heap…" />;
	const s = summary.data;
	if (s.objects === 0)
		return <Empty title="Nothing is alive in this heap" command="gospect heap summary CORE">No variable, goroutine or finalizer holds an object. {s.warnings.map(visible).join(" ")}</Empty>;
	const list = lists.some(([id]) => id === r.list) ? r.list : "types";
	return (
		<div class="heap-view">
			<Facts s={s} />
			{s.warnings.map((w) => <p key={w} class="note" role="note">{visible(w)}</p>)}
			<div class="tl-bar">
				<div class="segments" role="group" aria-label="What to list">
					{lists.map(([id, title]) => <button key={id} aria-pressed={list === id} onClick={() => navigate({ list: id, sort: "" })}>{title}</button>)}
				</div>
				{list === "objects" && r.fn && isType(r.fn) && (
					<span class="crumb"><span class="plain"><i>of type</i> {heapSpellings(r.fn)[0]}</span><button class="icon tiny" aria-label="All types" onClick={() => navigate({ fn: "" })}><CloseIcon /></button></span>
				)}
				<span class="dim">{list === "types" ? `${formatCount(s.n_types)} types` : ""}</span>
			</div>
			{list === "types" ? <Types s={s} /> : list === "holders" ? <Holders /> : list === "places" ? <Places /> : <Objects of={s.live_bytes} />}
		</div>
	);
}

const typeFields: Record<string, (t: HeapType) => number | string> = {
	retained: (t) => t.retained_bytes, shallow: (t) => t.shallow_bytes, count: (t) => t.count, name: (t) => t.type, average: (t) => t.shallow_bytes / (t.count || 1),
};
const knowledge: Record<string, string> = {
	exact: "The allocator wrote the type down", interface: "An interface that points to it says so", field: "By the type of what leads to it", shape: "Only its size and pointers are known",
};

/** A type may be there twice, known in two ways. */
const typeKey = (t: HeapType) => `${t.type}#${t.known_by}#${t.size_bytes}`;

function useFound() {
	const r = route.value;
	return useMemo(() => searchRegExp(r.query), [r.query]);
}

function Types({ s }: { s: HeapSummary }) {
	const r = route.value;
	const found = useFound();
	const sort = r.sort && typeFields[r.sort.replace(/^-/, "")] ? r.sort : "-retained";
	const rows = useMemo(() => sortRows(s.types.filter((t) => !found || found.test(t.type)), sort, (t, k) => typeFields[k]!(t)), [s, sort, found]);
	if (rows.length === 0) return <Empty title="No type matches"><button class="link" onClick={() => navigate({ query: "" })}>Clear the search</button></Empty>;
	const selected = rows.find((t) => t.type === r.fn);
	const columns: Column<HeapType>[] = [
		{ key: "retained", title: "Retained", track: "104px", numeric: true, hint: "What would be freed if all of them went", cell: (t) => bytes(t.retained_bytes) },
		{ key: "retained", title: "%", track: "92px", numeric: true, sortable: false, cell: (t) => <Bar share={t.retained_bytes / (s.live_bytes || 1)} text={formatPercent(t.retained_bytes, s.live_bytes)} /> },
		{ key: "shallow", title: "Shallow", track: "104px", numeric: true, hint: "Their own bytes", cell: (t) => bytes(t.shallow_bytes) },
		{ key: "shallow", title: "%", track: "92px", numeric: true, sortable: false, wide: 960, cell: (t) => <Bar share={t.shallow_bytes / (s.live_bytes || 1)} text={formatPercent(t.shallow_bytes, s.live_bytes)} tone="plain" /> },
		{ key: "count", title: "Objects", track: "92px", numeric: true, cell: (t) => formatCount(t.count) },
		{ key: "average", title: "Each", track: "84px", numeric: true, wide: 860, hint: "Bytes of one, on average", cell: (t) => bytes(Math.round(t.shallow_bytes / (t.count || 1))) },
		{ key: "name", title: "Type", track: "minmax(240px, 1fr)", cell: (t) => <><span class="name" title={visible(t.type)}>{heapSpellings(t.type)[0]}</span>{t.known_by !== "exact" && <span class="tag" title={knowledge[t.known_by]}>{t.known_by}</span>}</> },
	];
	return (
		<VirtualTable
			label="Types of live objects" columns={columns} rows={rows} keyOf={typeKey} selected={selected ? typeKey(selected) : ""} sort={sort} onSort={(x) => navigate({ sort: x })}
			onSelect={(t) => navigate({ fn: t.type, object: "", node: -1 }, "replace")} onOpen={(t) => navigate({ fn: t.type, object: "", list: "objects", sort: "", query: "" })}
		/>
	);
}

const holderFields: Record<string, (h: HeapHolder) => number | string> = { retained: (h) => h.retained_bytes, count: (h) => h.retained_count, name: (h) => h.name };

/** Goroutines of one function have one name: with their number they are told apart. */
const holderKey = (h: HeapHolder) => `${h.name}#${h.goroutine?.id ?? ""}`;

function Holders() {
	const r = route.value;
	const found = useFound();
	const answer = useJSON<HeapHolders>(holdersUrl());
	const sort = r.sort && holderFields[r.sort.replace(/^-/, "")] ? r.sort : "-retained";
	const rows = useMemo(() => (answer.data ? sortRows(answer.data.holders.filter((h) => !found || found.test(h.name)), sort, (h, k) => holderFields[k]!(h)) : []), [answer.data, sort, found]);
	if (answer.error) return <ErrorState error={answer.error} />;
	if (!answer.data) return <Loading what="Looking who holds what…" />;
	if (rows.length === 0) return <Empty title={found ? "No holder matches" : "No single holder retains anything"}>{found ? <button class="link" onClick={() => navigate({ query: "" })}>Clear the search</button> : "What is alive is held by several variables or goroutines together."}</Empty>;
	const whole = answer.data.of_bytes || 1;
	const columns: Column<HeapHolder>[] = [
		{ key: "retained", title: "Retained", track: "104px", numeric: true, hint: "What it alone keeps alive", cell: (h) => bytes(h.retained_bytes) },
		{ key: "retained", title: "%", track: "92px", numeric: true, sortable: false, cell: (h) => <Bar share={h.retained_bytes / whole} text={formatPercent(h.retained_bytes, whole)} /> },
		{ key: "count", title: "Objects", track: "92px", numeric: true, cell: (h) => formatCount(h.retained_count) },
		{ key: "name", title: "Holder", track: "minmax(220px, 1.2fr)", cell: (h) => <><span class="name" title={visible(h.name)}>{heapSpellings(h.name)[0]}</span>{h.goroutine && <span class="tag">{h.goroutine.id}</span>}{h.goroutines ? <span class="tag" title="Goroutines in whose frames it holds something">×{formatCount(h.goroutines)}</span> : null}</> },
		{ key: "waits", title: "Waits for", track: "170px", sortable: false, wide: 1000, cell: (h) => (h.goroutine?.wait_reason ? <span class="dim">{visible(h.goroutine.wait_reason)}{h.goroutine.wait_ns > 0 ? `, ${formatDuration(h.goroutine.wait_ns)}` : ""}</span> : "") },
		{ key: "gathers", title: "Gathers in", track: "minmax(160px, 1fr)", sortable: false, hint: "The last object down the tree that has at least half of it", cell: (h) => (h.gathers_in ? <button class="link name" title={visible(h.gathers_in.type)} onClick={(e) => { e.stopPropagation(); navigate({ object: h.gathers_in!.address }); }}>{heapSpellings(h.gathers_in.type)[0]}</button> : "") },
	];
	return (
		<VirtualTable
			label="What holds the heap" columns={columns} rows={rows} keyOf={holderKey} selected={rows.find((h) => h.name === r.fn) ? holderKey(rows.find((h) => h.name === r.fn)!) : ""} sort={sort} onSort={(x) => navigate({ sort: x })}
			onSelect={(h) => navigate({ fn: h.name, object: "", node: -1 }, "replace")}
			onOpen={(h) => h.gathers_in && navigate({ object: h.gathers_in.address })}
		/>
	);
}

const most = 2000;
const objectFields: Record<string, (o: HeapObjectRow) => number | string> = { retained: (o) => o.retained_bytes, size: (o) => o.size_bytes, address: (o) => o.address.padStart(18, "0"), name: (o) => o.type };

function Objects({ of }: { of: number }) {
	const r = route.value;
	const found = useFound();
	const type = r.fn && isType(r.fn) ? r.fn : "";
	const sort = r.sort && objectFields[r.sort.replace(/^-/, "")] ? r.sort : "-retained";
	const by = sort.endsWith("size") ? "size" : sort.endsWith("address") ? "address" : "retained";
	const answer = useJSON<HeapFound>(objectsUrl(type, most, by));
	const rows = useMemo(() => (answer.data ? sortRows(answer.data.objects.filter((o) => !found || found.test(o.type) || found.test(o.address)), sort, (o, k) => objectFields[k]!(o)) : []), [answer.data, sort, found]);
	if (answer.error) return <ErrorState error={answer.error} />;
	if (!answer.data) return <Loading what="Looking for objects…" />;
	if (rows.length === 0) return <Empty title="No object matches"><button class="link" onClick={() => navigate({ query: "", fn: "" })}>All objects</button></Empty>;
	const columns: Column<HeapObjectRow>[] = [
		{ key: "address", title: "Address", track: "140px", cell: (o) => <span class="mono">{o.address}</span> },
		{ key: "retained", title: "Retained", track: "104px", numeric: true, cell: (o) => bytes(o.retained_bytes) },
		{ key: "retained", title: "%", track: "92px", numeric: true, sortable: false, cell: (o) => <Bar share={o.retained_bytes / (of || 1)} text={formatPercent(o.retained_bytes, of)} /> },
		{ key: "size", title: "Size", track: "92px", numeric: true, cell: (o) => bytes(o.size_bytes) },
		{ key: "name", title: "Type", track: "minmax(240px, 1fr)", cell: (o) => <span class="name" title={visible(o.type)}>{heapSpellings(o.type)[0]}</span> },
	];
	return (
		<>
			<VirtualTable
				label="Objects" columns={columns} rows={rows} keyOf={(o) => o.address} selected={r.object} sort={sort} onSort={(x) => navigate({ sort: x })}
				onSelect={(o) => navigate({ object: o.address }, "replace")} onOpen={(o) => navigate({ object: o.address, around: o.address, opened: [], view: "refs" })}
			/>
			{answer.data.n_objects > answer.data.objects.length && <p class="foot-note dim">The first {formatCount(answer.data.objects.length)} of {formatCount(answer.data.n_objects)} objects, {bytes(answer.data.size_bytes)} in all. Choose a type to see others.</p>}
		</>
	);
}
