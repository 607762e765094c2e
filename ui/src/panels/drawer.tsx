// The drawer below: the samples behind the picture, their labels, and what the document says of itself.

import { useEffect, useState } from "preact/hooks";
import { getJSON } from "../api/client";
import type { TagsAnswer, TraceRow, TracesAnswer } from "../api/types";
import { formatCount, formatTime, formatValue } from "../lib/format";
import { baseName, hasPlace, visible } from "../lib/names";
import { copyText, toggleLabel } from "../state/actions";
import { useJSON } from "../state/answer";
import { navigate, route } from "../state/route";
import { doc } from "../state/session";
import { infoUrl, tagsUrl, tracesUrl } from "../views/urls";
import { Bar, formatPercent, Name, shown } from "./cells";
import { CloseIcon } from "./icons";
import { Empty, ErrorState, Loading } from "./states";
import { SampleList } from "./samplelist";
import { VirtualTable, type Column } from "./table";

const tabs: [string, string][] = [["samples", "Stacks"], ["list", "Samples"], ["labels", "Labels"], ["info", "About"]];

export function Drawer() {
	const r = route.value;
	return (
		<section class="drawer" aria-label="Drawer">
			<div class="drawer-bar">
				<div class="tabs small" role="tablist">
					{tabs.map(([id, title]) => <button key={id} role="tab" aria-selected={r.drawer === id} onClick={() => navigate({ drawer: id })}>{title}</button>)}
				</div>
				<span class="dim drawer-note">{(r.drawer === "samples" || r.drawer === "list") && r.fn ? <>through <Name name={r.fn} /></> : null}</span>
				<span class="spacer" />
				<button class="icon" aria-label="Close the drawer" title="Close" onClick={() => navigate({ drawer: "" })}><CloseIcon /></button>
			</div>
			<div class="drawer-body">
				{r.drawer === "samples" ? <Samples /> : r.drawer === "list" ? <SampleList /> : r.drawer === "labels" ? <Labels /> : <Info />}
			</div>
		</section>
	);
}

const page = 200;

function Samples() {
	const r = route.value;
	const first = useJSON<TracesAnswer>(tracesUrl(r, page, 0));
	const [more, setMore] = useState<TraceRow[]>([]);
	const [picked, setPicked] = useState(0);
	const question = tracesUrl(r, page, 0);
	useEffect(() => {
		setMore([]);
		setPicked(0);
	}, [question]);
	if (first.error) return <ErrorState error={first.error} />;
	if (!first.data) return <Loading what="Reading samples…" />;
	const rows = [...first.data.rows, ...more];
	const total = rows.length ? first.data.count : 0;
	if (rows.length === 0) return <Empty title="No sample here">Nothing in this document passes the filters.</Empty>;
	const current = rows[picked];
	const load = async () => {
		const next = await getJSON<TracesAnswer>(tracesUrl(r, page, rows.length));
		if (tracesUrl(route.peek(), page, 0) === question) setMore([...more, ...next.rows]);
	};
	const labelText = (row: TraceRow) => Object.entries(row.labels ?? {}).map(([k, v]) => `${k}:${v.join(",")}`).join("  ");
	const numbered = rows.map((row, index) => ({ row, index }));
	const columns: Column<{ row: TraceRow; index: number }>[] = [
		{ key: "value", title: "Value", track: "110px", numeric: true, cell: ({ row }) => shown(row.value) },
		{ key: "leaf", title: "Leaf", track: "minmax(180px, 1fr)", cell: ({ row }) => (row.stack[0] ? <Name name={row.stack[0].name} /> : "") },
		{ key: "labels", title: "Labels", track: "minmax(120px, 1fr)", cell: ({ row }) => <span class="dim">{visible(labelText(row))}</span> },
		{ key: "depth", title: "Depth", track: "64px", numeric: true, cell: ({ row }) => String(row.stack.length) },
	];
	return (
		<div class="samples">
			<div class="samples-list">
				<VirtualTable label="Samples" columns={columns} rows={numbered} keyOf={(x) => String(x.index)} selected={String(picked)} onSelect={(x) => setPicked(x.index)} />
				<div class="samples-foot dim">{formatCount(rows.length)} of {formatCount(total)} samples{rows.length < total ? <> · <button class="link" onClick={load}>load more</button></> : null}</div>
			</div>
			{current && (
				<div class="samples-stack">
					<ol class="stack">
						{current.stack.map((f, k) => (
							<li key={k}><button class="plain" onClick={() => navigate({ fn: f.name, node: -1 })}><Name name={f.name} /></button>{f.inlined ? <span class="tag">inl</span> : null}<span class="dim where">{hasPlace(f) ? `${visible(baseName(f.file))}:${f.line}` : ""}</span></li>
						))}
					</ol>
					<button class="link" onClick={() => copyText(current.stack.map((f) => f.name).reverse().join(";"), "the stack")}>Copy stack</button>
				</div>
			)}
		</div>
	);
}

function Labels() {
	const r = route.value;
	// Counting with the picks applied would make the other values of a key vanish: facets show what can be picked.
	const answer = useJSON<TagsAnswer>(tagsUrl({ ...r, labels: [] }));
	if (answer.error) return <ErrorState error={answer.error} />;
	if (!answer.data) return <Loading what="Counting labels…" />;
	if (answer.data.keys.length === 0)
		return (
			<Empty title="These samples carry no labels" command={'pprof.Do(ctx, pprof.Labels("handler", "/pay"), func(ctx context.Context) { … })'}>
				Labels tell which request or tenant a sample belongs to. In Go they are set like this:
			</Empty>
		);
	return (
		<div class="facets">
			{answer.data.keys.map((k) => (
				<section key={k.key}>
					<h3>{visible(k.key)}<button class="link" aria-pressed={r.groupBy === k.key} onClick={() => navigate({ groupBy: r.groupBy === k.key ? "" : k.key })}>{r.groupBy === k.key ? "grouped" : "group by"}</button></h3>
					<ul>
						{k.values.slice(0, 200).map((v) => {
							const on = r.labels.includes(`+${k.key}:${v.value}`);
							const off = r.labels.includes(`-${k.key}:${v.value}`);
							return (
								<li key={v.value} class={on ? "on" : off ? "off" : ""}>
									<button aria-pressed={on} title={`Only ${visible(k.key)}: ${visible(v.value)}`} onClick={() => toggleLabel("+", k.key, v.value)}>
										<Bar share={v.total / (k.total || 1)} text={formatPercent(v.total, k.total)} /><span class="name">{visible(v.value)}</span><span class="dim">{shown(v.total)}</span>
									</button>
									<button class="icon minus" aria-pressed={off} title="Without these samples" aria-label={`Without ${visible(v.value)}`} onClick={() => toggleLabel("-", k.key, v.value)}>−</button>
								</li>
							);
						})}
					</ul>
				</section>
			))}
		</div>
	);
}

/** The answer as it is: nested objects and lists of any shape, as text. */
function Info() {
	const answer = useJSON<Record<string, unknown>>(infoUrl({ ...route.value, doc: doc.value?.id ?? 1 }));
	if (answer.error) return <ErrorState error={answer.error} />;
	if (!answer.data) return <Loading what="…" />;
	return <div class="info"><Value value={answer.data} /></div>;
}

function Value({ value }: { value: unknown }) {
	if (value === null || value === undefined || value === "") return <span class="dim">–</span>;
	if (Array.isArray(value)) {
		if (value.length === 0) return <span class="dim">none</span>;
		return <ul>{value.slice(0, 300).map((v, k) => <li key={k}><Value value={v} /></li>)}</ul>;
	}
	if (typeof value === "object")
		return <dl>{Object.entries(value as Record<string, unknown>).map(([k, v]) => <div key={k}><dt>{visible(k.replace(/_(ns|bytes)$/, "").replaceAll("_", " "))}</dt><dd><Value value={unitOf(k, v)} /></dd></div>)}</dl>;
	return <span>{visible(typeof value === "number" ? formatNumber(value) : String(value))}</span>;
}

/** A number whose name carries its unit, as a person reads it. */
function unitOf(key: string, value: unknown): unknown {
	if (typeof value !== "number") return value;
	if (key.endsWith("time_ns")) return value ? formatTime(value) : null;
	if (key.endsWith("_ns")) return formatValue(value, "nanoseconds");
	return key.endsWith("_bytes") ? formatValue(value, "bytes") : value;
}

function formatNumber(value: number): string {
	return Number.isInteger(value) ? String(value) : value.toPrecision(6);
}
