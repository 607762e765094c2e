// Two documents beside each other: what grew, what shrank, what came and what went.

import { useMemo } from "preact/hooks";
import type { TopAnswer, TopRow } from "../api/types";
import { FlamePane } from "../flame/pane";
import { Bar, delta, formatChange, Name, shown } from "../panels/cells";
import { SwapIcon } from "../panels/icons";
import { Empty, ErrorState, Loading } from "../panels/states";
import { VirtualTable, type Column } from "../panels/table";
import { useJSON } from "../state/answer";
import { searchRegExp } from "../state/query";
import { navigate, route } from "../state/route";
import { baseDoc, comparable, doc } from "../state/session";
import { menu } from "../state/ui";
import { visible } from "../lib/names";
import { sortRows } from "./table";
import { diffUrl, flameUrl } from "./urls";

const fields: Record<string, (row: TopRow) => number | string> = {
	flat: (r) => Math.abs(r.flat - (r.base_flat ?? 0)), cum: (r) => Math.abs(r.cum - (r.base_cum ?? 0)),
	name: (r) => r.name, now: (r) => r.flat, before: (r) => r.base_flat ?? 0, state: (r) => r.state ?? "",
};

export function DiffView() {
	const r = route.value;
	const base = baseDoc.value;
	const d = doc.value!;
	const answer = useJSON<TopAnswer>(base ? diffUrl(r) : null);
	const sort = r.sort && fields[r.sort.replace(/^-/, "")] ? r.sort : "-flat";
	const rows = useMemo(
		() => (answer.data ? sortRows(answer.data.rows, sort, (row, key) => fields[key]!(row)) : []),
		[answer.data, sort],
	);
	const found = useMemo(() => (r.mode === "highlight" ? searchRegExp(r.query) : null), [r.query, r.mode]);
	const others = comparable(d);
	if (!base)
		return others.length === 0 ? (
			<Empty title="Nothing to compare with" command={`gospect ui ${d.name} OLDER.pprof`}>
				A difference needs a second profile with the same sample types. Open one with Ctrl K, record one, or start with two files.
			</Empty>
		) : (
			<div class="state left">
				<h2>Compare “{visible(d.title || d.name)}” with</h2>
				<ul class="pick">{others.map((o) => <li key={o.id}><button onClick={() => navigate({ base: o.id })}><span class="dim">{o.id}</span>{visible(o.title || o.name)}<span class="dim">{visible(o.name)}</span></button></li>)}</ul>
			</div>
		);
	const total = answer.data?.total ?? 0;
	const baseTotal = answer.data?.base_total ?? 0;
	const largest = rows.reduce((m, row) => Math.max(m, Math.abs(row.flat - (row.base_flat ?? 0))), 0);
	const largestCum = rows.reduce((m, row) => Math.max(m, Math.abs(row.cum - (row.base_cum ?? 0))), 0);
	const tone = (v: number) => (v > 0 ? "more" : "less");
	const columns: Column<TopRow>[] = [
		{ key: "flat", title: "Δ flat", track: "132px", numeric: true, hint: "Change of the cost in the function itself", cell: (row) => { const v = row.flat - (row.base_flat ?? 0); return <Bar share={v / (largest || 1)} tone={tone(v)} text={delta(v)} />; } },
		{ key: "flatpct", title: "", track: "78px", numeric: true, sortable: false, cell: (row) => <Change row={row} now={row.flat} before={row.base_flat ?? 0} /> },
		{ key: "cum", title: "Δ cum", track: "132px", numeric: true, hint: "Change of the cost in the function and all it calls", cell: (row) => { const v = row.cum - (row.base_cum ?? 0); return <Bar share={v / (largestCum || 1)} tone={tone(v)} text={delta(v)} />; } },
		{ key: "before", title: "Before", track: "96px", numeric: true, wide: 780, cell: (row) => shown(row.base_flat ?? 0) },
		{ key: "now", title: "After", track: "96px", numeric: true, wide: 700, cell: (row) => shown(row.flat) },
		{ key: "name", title: "Function", track: "minmax(240px, 1fr)", cell: (row) => <Name name={row.name} /> },
	];
	return (
		<div class="diff">
			<div class="diff-bar">
				<label>Before <DocSelect value={base.id} onChange={(id) => navigate({ base: id })} choices={[base, ...others.filter((o) => o.id !== base.id)]} /></label>
				<button class="icon" title="Swap before and after" aria-label="Swap before and after" onClick={() => navigate({ doc: base.id, base: d.id })}><SwapIcon /></button>
				<label>After <DocSelect value={d.id} onChange={(id) => navigate({ doc: id, base: id === base.id ? d.id : base.id })} choices={[d, ...others]} /></label>
				<label class="check"><input type="checkbox" checked={r.normalize} onChange={(e) => navigate({ normalize: e.currentTarget.checked })} /> same total</label>
				<span class="spacer" />
				{answer.data && <span class="diff-sum">{shown(baseTotal)} → {shown(total)} <b class={tone(total - baseTotal)}>{delta(total - baseTotal)}</b> <span class="dim">{formatChange(total, baseTotal)}</span></span>}
				<span class="legend"><i class="less" /> less <i class="same" /> same <i class="more" /> more</span>
			</div>
			<div class="diff-flame"><FlamePane main diff url={flameUrl(r)} label="Difference flame graph, a frame is as wide as the larger side" up={r.up} /></div>
			<div class="diff-table">
				{answer.error ? <ErrorState error={answer.error} /> : !answer.data ? <Loading what="Comparing…" /> : (
					<VirtualTable
						label="Functions by change" columns={columns} rows={rows} keyOf={(row) => row.name} selected={r.fn} sort={sort}
						onSort={(s) => navigate({ sort: s })}
						onSelect={(row) => navigate({ fn: row.name, node: -1 }, "replace")}
						onOpen={(row) => navigate({ fn: row.name, view: "source" })}
						onMenu={(row, x, y) => (menu.value = { x, y, name: row.name, node: -1, path: [], file: row.file, line: row.line })}
						rowClass={(row) => `${row.significant === false ? "unsure" : ""} ${found ? (found.test(row.name) ? "found" : "faded") : ""}`}
					/>
				)}
			</div>
		</div>
	);
}

function Change({ row, now, before }: { row: TopRow; now: number; before: number }) {
	if (row.significant === false) return <span class="unsure-note" title="Too few samples to tell this change from chance">too few</span>;
	if (row.state === "new" || row.state === "removed") return <span class={`tag ${row.state === "new" ? "more" : "less"}`}>{row.state}</span>;
	return <>{formatChange(now, before)}</>;
}

function DocSelect({ value, choices, onChange }: { value: number; choices: { id: number; title: string; name: string }[]; onChange(id: number): void }) {
	return (
		<select value={value} onChange={(e) => onChange(Number(e.currentTarget.value))}>
			{choices.map((c) => <option key={c.id} value={c.id}>{`${c.id} · ${visible(c.title || c.name)}`}</option>)}
		</select>
	);
}
