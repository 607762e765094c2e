// Every function with its cost: the numbers of `gospect top`.

import { useEffect, useMemo } from "preact/hooks";
import type { TopAnswer, TopRow } from "../api/types";
import { NoSamples } from "../flame/pane";
import { formatCount } from "../lib/format";
import { baseName, visible } from "../lib/names";
import { Bar, formatPercent, Name, shown } from "../panels/cells";
import { ErrorState, Loading } from "../panels/states";
import { VirtualTable, type Column } from "../panels/table";
import { useJSON } from "../state/answer";
import { searchRegExp } from "../state/query";
import { navigate, route } from "../state/route";
import { setRawSamples } from "../state/session";
import { menu } from "../state/ui";
import { topUrl } from "./urls";

export function sortRows<T>(rows: T[], sort: string, value: (row: T, key: string) => number | string): T[] {
	const down = sort.startsWith("-");
	const key = down ? sort.slice(1) : sort;
	const sign = down ? -1 : 1;
	return [...rows].sort((a, b) => {
		const x = value(a, key);
		const y = value(b, key);
		if (typeof x === "string" || typeof y === "string") return sign * String(x).localeCompare(String(y), "en");
		return sign * (x - y);
	});
}

const fields: Record<string, (row: TopRow) => number | string> = {
	flat: (r) => r.flat, cum: (r) => r.cum, samples: (r) => r.samples ?? 0, name: (r) => r.name, file: (r) => `${r.file}:${String(r.line).padStart(7, "0")}`,
};

export function TableView() {
	const r = route.value;
	const answer = useJSON<TopAnswer>(topUrl(r));
	const sort = r.sort && fields[r.sort.replace(/^-/, "")] ? r.sort : "-flat";
	const found = useMemo(() => (r.mode === "highlight" ? searchRegExp(r.query) : null), [r.query, r.mode]);
	const rows = useMemo(
		() => (answer.data ? sortRows(answer.data.rows, sort, (row, key) => fields[key]!(row)) : []),
		[answer.data, sort],
	);
	useEffect(() => {
		if (answer.data?.samples) setRawSamples(answer.data.samples);
	}, [answer.data]);
	if (answer.error) return <ErrorState error={answer.error} />;
	if (!answer.data) return <Loading what="Counting…" />;
	if (rows.length === 0) return <NoSamples />;
	const total = answer.data.total;
	const columns: Column<TopRow>[] = [
		{ key: "flat", title: "Flat", track: "104px", numeric: true, hint: "Cost in the function itself", cell: (row) => shown(row.flat) },
		{ key: "flat", title: "%", track: "92px", numeric: true, sortable: false, cell: (row) => <Bar share={row.flat / (total || 1)} text={formatPercent(row.flat, total)} /> },
		{ key: "cum", title: "Cum", track: "104px", numeric: true, hint: "Cost in the function and in all it calls", cell: (row) => shown(row.cum) },
		{ key: "cum", title: "%", track: "92px", numeric: true, sortable: false, cell: (row) => <Bar share={row.cum / (total || 1)} text={formatPercent(row.cum, total)} /> },
		{ key: "samples", title: "Samples", track: "84px", numeric: true, hint: "Raw samples through the function, not scaled", cell: (row) => (row.samples === undefined ? "" : formatCount(row.samples)) },
		{ key: "name", title: "Function", track: "minmax(220px, 2fr)", cell: (row) => <><Name name={row.name} />{row.inlined && row.inlined !== "none" ? <span class="tag" title={row.inlined === "all" ? "Always inlined into its callers" : "Inlined in some places"}>inl</span> : null}</> },
		{ key: "file", title: "Where", track: "minmax(120px, 1fr)", cell: (row) => <span class="dim" title={visible(row.file)}>{row.file ? `${visible(baseName(row.file))}${row.line ? `:${row.line}` : ""}` : ""}</span> },
	];
	return (
		<VirtualTable
			label="Functions by cost" columns={columns} rows={rows} keyOf={(row) => row.name} selected={r.fn} sort={sort}
			onSort={(s) => navigate({ sort: s })}
			onSelect={(row) => navigate({ fn: row.name, node: -1 }, "replace")}
			onOpen={(row) => navigate({ fn: row.name, view: "source" })}
			onMenu={(row, x, y) => (menu.value = { x, y, name: row.name, node: -1, path: [], file: row.file, line: row.line })}
			rowClass={(row) => (found ? (found.test(row.name) ? "found" : "faded") : "")}
		/>
	);
}
