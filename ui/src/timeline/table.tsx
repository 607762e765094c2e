// The lanes as rows of a table: the same lists and filters, for reading, sorting, copying, and for screen readers.

import { useEffect, useMemo, useState } from "preact/hooks";
import { getJSON } from "../api/client";
import type { LaneGroup, LaneRow, LanesAnswer, StateName, StateTimes } from "../api/types";
import { formatCount } from "../lib/format";
import { visible } from "../lib/names";
import { Name } from "../panels/cells";
import { DownIcon, RightIcon } from "../panels/icons";
import { ErrorState, Loading } from "../panels/states";
import { VirtualTable, type Column } from "../panels/table";
import { useJSON } from "../state/answer";
import { navigate, route } from "../state/route";
import { keyTarget } from "../state/ui";
import { useLaneQuery } from "./pane";
import { formatLength, formatMoment } from "./time";

type Line = { kind: "group"; group: LaneGroup } | { kind: "lane"; lane: LaneRow; level: number };

const waits: StateName[] = ["network", "sync", "channel", "sleep", "gc", "waiting"];
const page = 500;

function sum(t: StateTimes | undefined, names: StateName[]): number {
	return names.reduce((n, s) => n + (t?.[s] ?? 0), 0);
}

export function LaneTable({ first }: { first: LanesAnswer }) {
	const r = route.value;
	const { query, marked } = useLaneQuery();
	const base = `/api/lanes?doc=${query.doc}${query.filter}${query.filter.includes("function=") ? "" : marked}&group-by=${query.by}`;
	const grouped = query.by === "function" || query.by === "task";
	const outline = useJSON<LanesAnswer>(`${base}&limit=${grouped ? 1 : page}`);
	const [more, setMore] = useState<Map<string, LaneRow[]>>(new Map());
	const open = query.open.join("\n");

	useEffect(() => setMore(new Map()), [base, first]);
	useEffect(() => {
		if (!grouped) return;
		for (const name of query.open)
			if (!more.has(name)) void getJSON<LanesAnswer>(`${base}&group=${encodeURIComponent(name)}&limit=${page}`).then((a) => setMore((m) => new Map(m).set(name, a.rows)), () => {});
	}, [base, open, first]);
	// Keys of the canvas mean nothing here.
	useEffect(() => {
		keyTarget.value = null;
	}, []);

	const lines = useMemo(() => {
		const out: Line[] = [];
		if (!outline.data) return out;
		if (!grouped) return outline.data.rows.map((lane): Line => ({ kind: "lane", lane, level: 1 + (lane.level ?? 0) }));
		for (const group of outline.data.groups ?? []) {
			out.push({ kind: "group", group });
			if (query.open.includes(group.name)) for (const lane of more.get(group.name) ?? []) out.push({ kind: "lane", lane, level: 2 + (lane.level ?? 0) });
		}
		return out;
	}, [outline.data, more, open]);

	if (outline.error) return <ErrorState error={outline.error} />;
	if (!outline.data) return <Loading what="Listing lanes…" />;
	const times = (l: Line) => (l.kind === "group" ? l.group.total_ns : l.lane.total_ns);
	const length = (v: number) => (v ? formatLength(v) : "");
	const toggle = (l: Line) => {
		if (l.kind !== "group") return;
		const name = l.group.name;
		navigate({ open: r.open.includes(name) ? r.open.filter((x) => x !== name) : [...r.open, name] }, "replace");
	};
	const columns: Column<Line>[] = [
		{ key: "name", title: "Lane", track: "minmax(220px, 1fr)", cell: (l) => (
			<span class="tree-name" style={{ paddingLeft: `${(l.kind === "group" ? 0 : l.level - 1) * 14}px` }}>
				{l.kind === "group" ? <button class="twist" tabIndex={-1} aria-hidden="true" onClick={(e) => { e.stopPropagation(); toggle(l); }}>{r.open.includes(l.group.name) ? <DownIcon /> : <RightIcon />}</button> : <span class="twist" />}
				{l.kind === "group" ? <Name name={l.group.name || "(no name)"} /> : <Name name={l.lane.name || "(no name)"} />}
			</span>
		) },
		{ key: "id", title: "Number", track: "82px", numeric: true, cell: (l) => (l.kind === "group" ? <span class="dim">{formatCount(l.group.count)}×</span> : String(l.lane.id)) },
		{ key: "start", title: "Start", track: "96px", numeric: true, cell: (l) => (l.kind === "lane" ? formatMoment(l.lane.start_ns, 1000) : "") },
		{ key: "life", title: "Life", track: "82px", numeric: true, cell: (l) => (l.kind === "lane" ? length(l.lane.end_ns - l.lane.start_ns) : "") },
		{ key: "running", title: "Running", track: "82px", numeric: true, cell: (l) => length(sum(times(l), ["running"])) },
		{ key: "runnable", title: "Runnable", track: "82px", numeric: true, cell: (l) => length(sum(times(l), ["runnable"])) },
		{ key: "syscall", title: "Syscall", track: "82px", numeric: true, cell: (l) => length(sum(times(l), ["syscall"])) },
		{ key: "waiting", title: "Waiting", track: "82px", numeric: true, hint: "all reasons", cell: (l) => length(sum(times(l), waits)) },
		...(r.fn ? [{ key: "hit", title: "Marked", track: "82px", numeric: true, hint: visible(r.fn), cell: (l: Line) => length((l.kind === "group" ? l.group.hit_ns : l.lane.hit_ns) ?? 0) } satisfies Column<Line>] : []),
	];
	return (
		<VirtualTable
			label={`Lanes: ${first.goroutines} goroutines`} columns={columns} rows={lines} keyOf={(l) => (l.kind === "group" ? `+${l.group.name}` : l.lane.lane)} selected={r.lane}
			onSelect={(l) => navigate({ lane: l.kind === "group" ? `+${l.group.name}` : l.lane.lane, at: -1 }, "replace")}
			onOpen={(l) => (l.kind === "group" ? toggle(l) : navigate({ lanesTable: false, pins: [...new Set([...r.pins, l.lane.lane])] }))}
			tree={{ level: (l) => (l.kind === "group" ? 1 : l.level), expanded: (l) => (l.kind === "group" ? r.open.includes(l.group.name) : null), toggle: (l) => toggle(l) }}
		/>
	);
}
