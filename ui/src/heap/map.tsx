// The treemap: what retains what, as boxes in boxes.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { HeapMap, MapBox } from "../api/heap";
import { formatCount, formatPercent, formatValue } from "../lib/format";
import { visible } from "../lib/names";
import { Bar } from "../panels/cells";
import { Empty, ErrorState, Loading } from "../panels/states";
import { VirtualTable, type Column } from "../panels/table";
import { useJSON } from "../state/answer";
import { searchRegExp } from "../state/query";
import { navigate, route } from "../state/route";
import { dark, settings, status } from "../state/session";
import { keyTarget } from "../state/ui";
import { heapSpellings, isType, kindOf, mapUrl } from "./ask";
import { TreemapChart } from "./treemap";

const bytes = (n: number) => formatValue(n, "bytes", route.value.unit);

/** The whole heap is nothing that one could select. */
function selectionOf(box: MapBox) {
	const known = box.name !== undefined && (box.depth > 0 || route.peek().mapRoot !== "");
	return { object: box.address ?? "", fn: known ? box.name! : "", node: -1 };
}

/** What the box is, selected: an object, a type or a holder. */
function select(box: MapBox): void {
	navigate({ box: box.id ?? -1, ...selectionOf(box) }, "replace");
	status.value = describe(box);
}

function describe(box: MapBox): string {
	if (box.name === undefined) return `${formatCount(box.children)} smaller · ${bytes(box.bytes)}`;
	return `${visible(box.name)}${box.address ? ` at ${box.address}` : ""} · retains ${bytes(box.bytes)}${box.own_bytes ? ` · itself ${bytes(box.own_bytes)}` : ""}${box.count ? ` · ${formatCount(box.count)} objects` : ""}`;
}

function zoomTo(box: MapBox): void {
	if (box.id === undefined || box.children === 0) return;
	navigate({ mapRoot: box.depth === 0 ? route.peek().mapRoot : String(box.id), box: box.id, ...selectionOf(box) });
}

export function TreemapView() {
	const r = route.value;
	const [size, setSize] = useState<[number, number] | null>(null);
	const answer = useJSON<HeapMap>(size ? mapUrl(r.heapBy, r.mapRoot, size[0], size[1]) : null);
	const map = answer.data;
	const nothing = map && map.boxes.length === 1 && map.boxes[0]!.bytes === 0;
	return (
		<div class="heap-view">
			<div class="tl-bar">
				<div class="segments" role="group" aria-label="Boxes">
					<button aria-pressed={r.heapBy === "name"} title="Equal ways merged: variables, goroutines, types" onClick={() => navigate({ heapBy: "name", mapRoot: "", box: -1 })}>By name</button>
					<button aria-pressed={r.heapBy === "object"} title="Every object on its own" onClick={() => navigate({ heapBy: "object", mapRoot: "", box: -1 })}>By object</button>
				</div>
				<Crumbs map={map} />
				<span class="spacer" />
				<button class="button small" aria-pressed={r.mapTable} title="The same boxes as a table" onClick={() => navigate({ mapTable: !r.mapTable })}>Table</button>
			</div>
			{r.mapTable && map ? <MapTable map={map} /> : <MapCanvas map={map} busy={answer.loading} resized={(w, h) => setSize((s) => (s && s[0] === w && s[1] === h ? s : [w, h]))} />}
			{answer.error && <div class="over"><ErrorState error={answer.error} {...(r.mapRoot ? { retry: () => navigate({ mapRoot: "" }) } : {})} /></div>}
			{!map && !answer.error && <div class="over"><Loading what="Laying out the heap…" /></div>}
			{nothing && <div class="over"><Empty title="Nothing is alive in this heap">No variable, goroutine or finalizer holds an object.</Empty></div>}
		</div>
	);
}

function Crumbs({ map }: { map: HeapMap | null }) {
	const list = map?.crumbs ?? [];
	const cut = map && map.n_crumbs > list.length ? map.n_crumbs - list.length : 0;
	return (
		<nav class="crumbs" aria-label="Where the picture is">
			{list.map((c, k) => (
				<span key={c.id}>
					{k > 0 && <i aria-hidden="true">›</i>}
					{cut > 0 && k === Math.floor(list.length / 2) && <span class="dim">{formatCount(cut)} more ›</span>}
					{k === list.length - 1 ? <b title={visible(c.name)}>{heapSpellings(c.name)[0]}{k === 0 ? <span class="dim"> {bytes(c.bytes)}</span> : ""}</b> : (
						<button class="link" title={`${visible(c.name)}: ${bytes(c.bytes)}`} onClick={() => navigate({ mapRoot: k === 0 ? "" : String(c.id), box: list[k + 1]?.id ?? -1 })}>{short(c.name)}</button>
					)}
				</span>
			))}
		</nav>
	);
}

function short(name: string): string {
	const all = heapSpellings(name);
	return all.find((s) => s.length <= 26) ?? all[all.length - 1] ?? visible(name);
}

function MapCanvas({ map, busy, resized }: { map: HeapMap | null; busy: boolean; resized(w: number, h: number): void }) {
	const r = route.value;
	const host = useRef<HTMLDivElement>(null);
	const chart = useRef<TreemapChart | null>(null);
	const [tip, setTip] = useState<{ box: MapBox; x: number; y: number } | null>(null);
	const crumbs = useRef(map?.crumbs ?? []);
	crumbs.current = map?.crumbs ?? [];

	useEffect(() => {
		const element = host.current;
		if (!element) return;
		let timer = 0;
		let first = true;
		const c = new TreemapChart(element, settings.peek().renderer, {
			select,
			zoom: zoomTo,
			hover: (box, x, y) => setTip(box && box.depth > 0 ? { box, x, y } : null),
			resized(w, h) {
				clearTimeout(timer);
				// While a window is being dragged the old boxes are stretched.
				timer = window.setTimeout(() => resized(Math.round(w), Math.round(h)), first ? 0 : 150);
				first = false;
			},
		}, bytes);
		chart.current = c;
		const target = {
			key: (e: KeyboardEvent) => c.key(e),
			back: () => {
				const list = crumbs.current;
				if (!route.peek().mapRoot || list.length < 2) return false;
				navigate({ mapRoot: list.length === 2 ? "" : String(list[list.length - 2]!.id), box: list[list.length - 1]!.id });
				return true;
			},
		};
		keyTarget.value = target;
		return () => {
			clearTimeout(timer);
			if (keyTarget.peek() === target) keyTarget.value = null;
			c.release();
			chart.current = null;
		};
	}, []);
	useEffect(() => chart.current?.setMap(map), [map]);
	useEffect(() => {
		const { box } = route.peek(); // of now: keys may have come since the rendering
		chart.current?.setSelection(box >= 0 ? box : undefined);
	}, [r.box, map]);
	useEffect(() => {
		const re = searchRegExp(r.query);
		chart.current?.setFound(re ? (name) => re.test(name) : null);
	}, [r.query]);
	useEffect(() => chart.current?.setTheme(dark.value), [dark.value]);
	useEffect(() => chart.current?.chooseRenderer(settings.value.renderer), [settings.value]);
	return (
		<>
			<div
				ref={host} class={`canvas-host ${busy && map ? "stale" : ""}`} tabIndex={0} role="application" aria-roledescription="treemap" aria-describedby="status" aria-busy={busy}
				aria-label="Treemap of what retains the heap. Arrow keys walk boxes, W goes into one and S out of it, Enter zooms, Escape zooms out. The button Table shows the same boxes as a tree grid."
			/>
			{tip && <MapTip {...tip} whole={map?.of_bytes ?? 0} />}
		</>
	);
}

function MapTip({ box, x, y, whole }: { box: MapBox; x: number; y: number; whole: number }) {
	const left = Math.max(8, Math.min(x + 14, innerWidth - 390));
	const style = { left: `${left}px`, ...(y + 150 < innerHeight ? { top: `${y + 18}px` } : { bottom: `${innerHeight - y + 12}px` }) };
	return (
		<div class="tip" style={style} role="presentation">
			<div class="tip-name">{box.name === undefined ? `${formatCount(box.children)} smaller` : visible(box.name)}</div>
			<dl>
				<dt>retains</dt><dd>{bytes(box.bytes)}</dd><dd class="dim">{formatPercent(box.bytes, whole)}</dd>
				{box.own_bytes > 0 && <><dt>itself</dt><dd>{bytes(box.own_bytes)}</dd><dd class="dim">{formatPercent(box.own_bytes, whole)}</dd></>}
				{box.count ? <><dt>objects</dt><dd>{formatCount(box.count)}</dd><dd /></> : null}
				{box.name !== undefined && box.children > 0 && <><dt>{kindOf(box.name) || !isType(box.name) ? "holds" : "directly below"}</dt><dd>{formatCount(box.children)}</dd><dd /></>}
			</dl>
			<div class="tip-foot">{box.address ?? ""}</div>
		</div>
	);
}

/** The boxes as rows, children behind their parents: the twin for keyboards and screen readers. */
export function boxOrder(boxes: MapBox[]): number[] {
	const children = new Map<number, number[]>();
	boxes.forEach((b, i) => {
		if (i > 0) children.set(b.parent, [...(children.get(b.parent) ?? []), i]);
	});
	const out: number[] = [];
	const stack = boxes.length ? [0] : [];
	while (stack.length) {
		const i = stack.pop()!;
		out.push(i);
		const below = (children.get(i) ?? []).sort((a, b) => boxes[b]!.bytes - boxes[a]!.bytes);
		for (let k = below.length - 1; k >= 0; k--) stack.push(below[k]!);
	}
	return out;
}

function MapTable({ map }: { map: HeapMap }) {
	const r = route.value;
	const found = useMemo(() => searchRegExp(r.query), [r.query]);
	const rows = useMemo(() => boxOrder(map.boxes), [map]);
	const box = (i: number) => map.boxes[i]!;
	const columns: Column<number>[] = [
		{ key: "bytes", title: "Retained", track: "104px", numeric: true, cell: (i) => bytes(box(i).bytes) },
		{ key: "pct", title: "%", track: "92px", numeric: true, cell: (i) => <Bar share={box(i).bytes / (map.of_bytes || 1)} text={formatPercent(box(i).bytes, map.of_bytes)} /> },
		{ key: "own", title: "Itself", track: "104px", numeric: true, cell: (i) => (box(i).own_bytes ? bytes(box(i).own_bytes) : <span class="dim">0</span>) },
		{ key: "count", title: map.by === "object" ? "Below" : "Objects", track: "92px", numeric: true, cell: (i) => formatCount(map.by === "object" ? box(i).children : (box(i).count ?? box(i).children)) },
		{ key: "name", title: "Name", track: "minmax(300px, 1fr)", cell: (i) => <span class="tree-name" style={{ paddingLeft: `${Math.min(box(i).depth, 40) * 14}px` }}><span class="name" title={visible(box(i).name ?? "")}>{box(i).name === undefined ? <span class="dim">{formatCount(box(i).children)} smaller</span> : heapSpellings(box(i).name!)[0]}</span>{box(i).address && <span class="dim mono addr">{box(i).address}</span>}</span> },
	];
	return (
		<VirtualTable
			label="What retains the heap" columns={columns} rows={rows} keyOf={(i) => String(box(i).id ?? `rest${i}`)} selected={String(r.box)}
			onSelect={(i) => select(box(i))} onOpen={(i) => zoomTo(box(i))}
			rowClass={(i) => (found ? (found.test(box(i).name ?? "") ? "found" : "faded") : "")}
			tree={{ level: (i) => box(i).depth + 1, expanded: (i) => (box(i).open ? true : null), toggle: (i) => zoomTo(box(i)), parent: (i) => (i === 0 ? null : box(i).parent) }}
		/>
	);
}
