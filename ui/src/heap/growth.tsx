// Heaps of one program at two or three moments: what grew, held by whom, of which type.

import { useMemo } from "preact/hooks";
import type { GrowthRow, HeapGrowth } from "../api/heap";
import type { Doc } from "../api/types";
import { formatChange, formatCount, formatDelta, formatValue } from "../lib/format";
import { visible } from "../lib/names";
import { Bar } from "../panels/cells";
import { SwapIcon } from "../panels/icons";
import { Empty, ErrorState, Loading } from "../panels/states";
import { VirtualTable, type Column } from "../panels/table";
import { useJSON } from "../state/answer";
import { searchRegExp } from "../state/query";
import { navigate, route } from "../state/route";
import { baseDoc, doc, documents } from "../state/session";
import { dialog } from "../state/ui";
import { sortRows } from "../views/table";
import { growthUrl, heapSpellings } from "./ask";

const bytes = (n: number) => formatValue(n, "bytes", route.value.unit);
const delta = (n: number) => formatDelta(n, "bytes", route.value.unit);

function Choose({ value, list, onChange, none }: { value: number; list: Doc[]; onChange(id: number): void; none?: string }) {
	return (
		<select value={value} onChange={(e) => onChange(Number(e.currentTarget.value))}>
			{none && <option value={0}>{none}</option>}
			{list.map((d) => <option key={d.id} value={d.id}>{`${d.id} · ${visible(d.group ? `${d.title} (${d.group})` : d.title || d.name)}`}</option>)}
		</select>
	);
}

export function GrowthView() {
	const r = route.value;
	const heaps = documents.value.filter((d) => d.kind === "heap");
	const d = doc.value!;
	const base = baseDoc.value?.kind === "heap" && baseDoc.value.id !== d.id ? baseDoc.value : null;
	const first = heaps.find((h) => h.id === r.oldest && h.id !== d.id && h.id !== base?.id) ?? null;
	const answer = useJSON<HeapGrowth>(base ? growthUrl([...(first ? [first.id] : []), base.id, d.id]) : null);
	const others = heaps.filter((h) => h.id !== d.id);
	if (others.length === 0)
		return (
			<Empty title="Growth needs a second heap" command={`gospect snapshot PID -o later.core && gospect ui ${d.name} later.core`}>
				Take another snapshot of the same program later: <button class="link" onClick={() => (dialog.value = "record")}>choose the process</button>, or open a core with Ctrl K.
			</Empty>
		);
	if (!base)
		return (
			<div class="state left">
				<h2>Compare “{visible(d.title || d.name)}” with an earlier heap</h2>
				<ul class="pick">{others.map((o) => <li key={o.id}><button onClick={() => navigate(o.id > d.id ? { base: d.id, doc: o.id } : { base: o.id })}><span class="dim">{o.id}</span>{visible(o.title || o.name)}<span class="dim">{visible(o.group ?? o.name)}</span></button></li>)}</ul>
			</div>
		);
	const list = answer.data?.heaps ?? [];
	const last = list[list.length - 1];
	const grown = last ? last.live_bytes - list[0]!.live_bytes : 0;
	return (
		<div class="diff">
			<div class="diff-bar">
				{(first || heaps.length > 2) && <label>First <Choose value={first?.id ?? 0} none="–" list={heaps.filter((h) => h.id !== d.id && h.id !== base.id)} onChange={(id) => navigate({ oldest: id })} /></label>}
				<label>Before <Choose value={base.id} list={heaps.filter((h) => h.id !== d.id)} onChange={(id) => navigate({ base: id })} /></label>
				<button class="icon" title="Swap before and after" aria-label="Swap before and after" onClick={() => navigate({ doc: base.id, base: d.id })}><SwapIcon /></button>
				<label>After <Choose value={d.id} list={heaps.filter((h) => h.id !== base.id)} onChange={(id) => navigate({ doc: id, base: base.id })} /></label>
				<span class="spacer" />
				{last && <span class="diff-sum">{list.map((h) => bytes(h.live_bytes)).join(" → ")} <b class={grown > 0 ? "more" : "less"}>{delta(grown)}</b> <span class="dim">{list.map((h) => formatCount(h.objects)).join(" → ")} objects · {list.map((h) => formatCount(h.goroutines)).join(" → ")} goroutines</span></span>}
			</div>
			{answer.error ? <ErrorState error={answer.error} /> : !answer.data ? <Loading what="Comparing…" /> : (
				<>
					<Grown title="Holder" rows={answer.data.holders} sides={list.length} retained />
					<Grown title="Type" rows={answer.data.types} sides={list.length} />
					<Grown title="Reference" rows={answer.data.edges} sides={list.length} />
				</>
			)}
		</div>
	);
}

function Grown({ title, rows, sides, retained }: { title: string; rows: GrowthRow[]; sides: number; retained?: boolean }) {
	const r = route.value;
	const found = useMemo(() => searchRegExp(r.query), [r.query]);
	const of = (g: GrowthRow) => (retained ? g.retained_bytes! : g.own_bytes!);
	const step = (g: GrowthRow) => g.count[g.count.length - 1]! - g.count[0]!;
	const fields: Record<string, (g: GrowthRow) => number | string> = { growth: (g) => g.growth_bytes, count: step, after: (g) => of(g)[sides - 1]!, before: (g) => of(g)[0]!, name: (g) => g.name };
	const sort = r.sort && fields[r.sort.replace(/^-/, "")] ? r.sort : "-growth";
	const list = useMemo(() => sortRows(rows.filter((g) => !found || found.test(g.name)), sort, (g, k) => fields[k]!(g)), [rows, sort, found]);
	/* Of a reference "A -> B", B is what gathers. */
	const gathers = (g: GrowthRow) => g.name.split(" -> ").pop()!;
	const largest = rows.reduce((m, g) => Math.max(m, Math.abs(g.growth_bytes)), 0);
	if (list.length === 0) return <div class="diff-table"><Empty title={`No ${title.toLowerCase()} ${found ? "matches" : "changed"}`} /></div>;
	const columns: Column<GrowthRow>[] = [
		{ key: "growth", title: sides > 2 ? "Each step" : "Growth", track: "136px", numeric: true, hint: sides > 2 ? "The lesser of the two steps: what grows all the time comes first" : "Change in bytes", cell: (g) => <Bar share={g.growth_bytes / (largest || 1)} tone={g.growth_bytes > 0 ? "more" : "less"} text={delta(g.growth_bytes)} /> },
		{ key: "before", title: retained ? "Retained before" : "Before", track: "112px", numeric: true, cell: (g) => bytes(of(g)[0]!) },
		...(sides > 2 ? [{ key: "between", title: "Between", track: "104px", numeric: true, sortable: false, cell: (g: GrowthRow) => bytes(of(g)[1]!) }] : []),
		{ key: "after", title: "After", track: "104px", numeric: true, cell: (g) => bytes(of(g)[sides - 1]!) },
		{ key: "count", title: "Δ objects", track: "104px", numeric: true, cell: (g) => (step(g) > 0 ? `+${formatCount(step(g))}` : formatCount(step(g))) },
		{ key: "pct", title: "", track: "84px", numeric: true, sortable: false, cell: (g) => { const b = of(g)[0]!, a = of(g)[sides - 1]!; return b === 0 ? <span class="tag more">new</span> : a === 0 ? <span class="tag less">gone</span> : <span class="dim">{formatChange(a, b)}</span>; } },
		{ key: "name", title, track: "minmax(240px, 1fr)", cell: (g) => <span class="name" title={visible(g.name)}>{g.name.split(" -> ").map((part) => heapSpellings(part)[0]).join(" → ")}</span> },
	];
	return (
		<div class="diff-table">
			<VirtualTable
				label={`${title}s by growth`} columns={columns} rows={list} keyOf={(g) => g.name} selected={r.fn} sort={sort} onSort={(x) => navigate({ sort: x })}
				onSelect={(g) => navigate({ fn: gathers(g), object: "", node: -1 }, "replace")} onOpen={(g) => navigate({ fn: gathers(g), object: "", view: "treemap", mapRoot: "", query: "" })}
			/>
		</div>
	);
}
