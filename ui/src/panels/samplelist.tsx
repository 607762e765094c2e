// The samples one by one: when, on which CPU, thread and goroutine, under which labels. Their filter is an expression that every
// view counts by.

import { useEffect, useState } from "preact/hooks";
import { getJSON } from "../api/client";
import type { SampleRow, SamplesAnswer } from "../api/types";
import { formatCount, formatValue } from "../lib/format";
import { baseName, hasPlace, visible } from "../lib/names";
import { copyText, openInEditor } from "../state/actions";
import { useJSON } from "../state/answer";
import { navigate, route } from "../state/route";
import { formatMoment } from "../timeline/time";
import { samplesUrl } from "../views/urls";
import { Name } from "./cells";
import { ErrorState, Loading } from "./states";
import { VirtualTable, type Column } from "./table";

const page = 300;

function FilterField() {
	const r = route.value;
	const [text, setText] = useState(r.filter);
	useEffect(() => setText(r.filter), [r.filter]);
	return (
		<input
			class="mono filter-field" type="text" aria-label="Filter expression" spellcheck={false} autocomplete="off" value={text}
			placeholder={'function == "main.f" && goroutine == 7 && time in 1.2s..1.4s'}
			onInput={(e) => setText(e.currentTarget.value)} onChange={() => navigate({ filter: text.trim() })}
			onKeyDown={(e) => { if (e.key === "Escape") e.currentTarget.blur(); }}
		/>
	);
}

export function SampleList() {
	const r = route.value;
	const question = samplesUrl(r, page, 0);
	const first = useJSON<SamplesAnswer>(question);
	const [more, setMore] = useState<SampleRow[]>([]);
	const [picked, setPicked] = useState(0);
	useEffect(() => {
		setMore([]);
		setPicked(0);
	}, [question]);
	const rows = [...(first.data?.rows ?? []), ...more].map((row, index) => ({ row, index }));
	const unit = first.data?.unit ?? "count";
	type Line = (typeof rows)[number];
	const has = (key: "time_ns" | "cpu" | "pid" | "thread" | "goroutine") => rows.some(({ row }) => row[key] !== undefined);
	const number = (key: "cpu" | "pid" | "thread" | "goroutine", title: string, track: string): Column<Line>[] =>
		has(key) ? [{ key, title, track, numeric: true, cell: ({ row }) => (row[key] === undefined ? "" : String(row[key])) }] : [];
	const columns: Column<Line>[] = [
		...(has("time_ns") ? [{ key: "time", title: "Time", track: "104px", numeric: true, cell: ({ row }: Line) => (row.time_ns === undefined ? "" : formatMoment(row.time_ns, 1000)) }] : []),
		{ key: "value", title: "Value", track: "84px", numeric: true, cell: ({ row }) => formatValue(row.value, unit, r.unit) },
		...number("cpu", "CPU", "44px"), ...number("pid", "PID", "64px"), ...number("thread", "Thread", "70px"), ...number("goroutine", "Goroutine", "76px"),
		{ key: "leaf", title: "Leaf", track: "minmax(160px, 1fr)", cell: ({ row }) => <Name name={row.leaf} /> },
		{ key: "depth", title: "Depth", track: "52px", numeric: true, cell: ({ row }) => String(row.depth) },
		{ key: "labels", title: "Labels", track: "minmax(120px, 1fr)", cell: ({ row }) => <span class="dim">{visible(row.labels.map((l) => `${l.key}:${l.value ?? l.number}${l.unit ?? ""}`).join("  "))}</span> },
	];
	const total = first.data?.count ?? 0;
	const load = async () => {
		const next = await getJSON<SamplesAnswer>(samplesUrl(r, page, rows.length));
		if (samplesUrl(route.peek(), page, 0) === question) setMore([...more, ...next.rows]);
	};
	const stack = rows[picked]?.row.stack ?? [];
	return (
		<div class="sample-list">
			<div class="filter-row"><FilterField />{first.data && <span class="dim">{formatCount(total)} samples, {formatValue(first.data.total, unit, r.unit)}</span>}</div>
			{first.error ? <ErrorState error={first.error} /> : !first.data ? <Loading what="Reading samples…" /> : (
				<div class="samples">
					<div class="samples-list">
						<VirtualTable label="Samples" columns={columns} rows={rows} keyOf={(x) => String(x.index)} selected={String(picked)} onSelect={(x) => setPicked(x.index)} />
						{rows.length < total && <div class="samples-foot dim">{formatCount(rows.length)} of {formatCount(total)} · <button class="link" onClick={load}>load more</button></div>}
					</div>
					<div class="samples-stack">
						<ol class="stack">
							{stack.map((f, k) => (
								<li key={k}><button class="plain" onClick={() => navigate({ fn: f.name, node: -1 })}><Name name={f.name} /></button>{hasPlace(f) && <button class="link where" onClick={() => void openInEditor(f.file, f.line)}>{visible(baseName(f.file))}:{f.line}</button>}</li>
							))}
						</ol>
						{stack.length > 0 && <button class="link" onClick={() => copyText(stack.map((f) => f.name).reverse().join(";"), "the stack")}>Copy stack</button>}
					</div>
				</div>
			)}
		</div>
	);
}
