// The call tree as rows: the twin of the flame graph for keyboards and screen readers, and for exact numbers.

import { useEffect, useMemo, useState } from "preact/hooks";
import { NO_PARENT, NodeFlag } from "../api/frames";
import { FlameTree } from "../flame/tree";
import { NoSamples } from "../flame/pane";
import { formatCount, formatValue } from "../lib/format";
import { Bar, formatPercent, Name } from "../panels/cells";
import { DownIcon, RightIcon } from "../panels/icons";
import { ErrorState, Loading } from "../panels/states";
import { VirtualTable, type Column } from "../panels/table";
import { useFrames } from "../state/answer";
import { searchRegExp } from "../state/query";
import { navigate, route } from "../state/route";
import { setRawSamples } from "../state/session";
import { menu } from "../state/ui";
import { flameUrl } from "./urls";

/** The nodes to show, in order: a node's children follow it when it is open. */
export function openRows(tree: FlameTree, open: Set<number>): number[] {
	const out: number[] = [];
	const stack: number[] = tree.count ? [0] : [];
	while (stack.length) {
		const i = stack.pop()!;
		out.push(i);
		if (!open.has(tree.frames.id[i]!)) continue;
		const children: number[] = [];
		for (let c = tree.firstChild[i]!; c >= 0; c = tree.nextSibling[c]!) children.push(c);
		for (let k = children.length - 1; k >= 0; k--) stack.push(children[k]!);
	}
	return out;
}

/** Opens the heaviest path while it is a clear one, so that the first look already tells something. */
export function firstOpen(tree: FlameTree): Set<number> {
	const open = new Set<number>();
	for (let i = 0; i >= 0 && i < tree.count; ) {
		open.add(tree.frames.id[i]!);
		const c = tree.neighbour(i, "child");
		if (c < 0 || tree.width[c]! < 0.4 * tree.width[i]!) break;
		i = c;
	}
	return open;
}

export function TreeView() {
	const r = route.value;
	const answer = useFrames(`${flameUrl(r)}&min=0.0003${r.root ? `&root=${r.root}` : ""}&format=frames`);
	const tree = useMemo(() => (answer.data ? new FlameTree(answer.data, r.root) : null), [answer.data]);
	const [open, setOpen] = useState<Set<number>>(new Set());
	useEffect(() => {
		if (!tree) return;
		setRawSamples(tree.frames.info.samples);
		const set = firstOpen(tree);
		const at = r.node >= 0 ? tree.indexOfId(r.node) : tree.focus;
		if (at >= 0) for (const i of tree.path(at)) set.add(tree.frames.id[i]!);
		setOpen(set);
	}, [tree]);
	const rows = useMemo(() => (tree ? openRows(tree, open) : []), [tree, open]);
	const found = useMemo(() => (r.mode === "highlight" ? searchRegExp(r.query) : null), [r.query, r.mode]);
	if (answer.error) return <ErrorState error={answer.error} />;
	if (!tree) return <Loading what="Reading the profile…" />;
	if (tree.fullWidth === 0) return <NoSamples />;

	const f = tree.frames;
	const whole = f.info.total;
	const toggle = (i: number, want?: boolean) => {
		const id = f.id[i]!;
		const next = new Set(open);
		const opening = want ?? !open.has(id);
		if (!opening) next.delete(id);
		else {
			// An only child says nothing by itself: open until the path branches.
			for (let k = i; k >= 0; ) {
				next.add(f.id[k]!);
				const c = tree.firstChild[k]!;
				if (c < 0 || tree.nextSibling[c]! >= 0) break;
				k = c;
			}
		}
		setOpen(next);
	};
	const expanded = (i: number) => (tree.firstChild[i]! < 0 ? null : open.has(f.id[i]!));
	const value = (v: number) => formatValue(v, f.info.unit, r.unit);
	const columns: Column<number>[] = [
		{ key: "total", title: "Total", track: "104px", numeric: true, cell: (i) => value(f.total[i]!) },
		{ key: "pct", title: "%", track: "92px", numeric: true, cell: (i) => <Bar share={f.total[i]! / (whole || 1)} text={formatPercent(f.total[i]!, whole)} /> },
		{ key: "self", title: "Self", track: "104px", numeric: true, wide: 640, cell: (i) => (f.self[i] ? value(f.self[i]!) : <span class="dim">0</span>) },
		...(f.samples ? [{ key: "samples", title: "Samples", track: "84px", numeric: true, wide: 860, cell: (i: number) => formatCount(f.samples![i]!) }] : []),
		{
			key: "name", title: "Function", track: "minmax(240px, 1fr)",
			cell: (i) => (
				<span class="tree-name" style={{ paddingLeft: `${Math.min(tree.depth[i]!, 10) * 14 + Math.max(0, tree.depth[i]! - 10) * 5}px` }}>
					{expanded(i) === null ? <span class="twist" /> : (
						<button class="twist" tabIndex={-1} aria-hidden="true" onClick={(e) => { e.stopPropagation(); toggle(i); }}>
							{expanded(i) ? <DownIcon /> : <RightIcon />}
						</button>
					)}
					<Name name={tree.nameOf(i).name} />
					{f.flags[i]! & NodeFlag.Inlined ? <span class="tag">inl</span> : null}
				</span>
			),
		},
	];
	return (
		<VirtualTable
			label="Call tree" columns={columns} rows={rows} keyOf={(i) => String(f.id[i]!)} selected={String(r.node)}
			onSelect={(i) => navigate({ fn: f.parent[i] === NO_PARENT ? "" : tree.nameOf(i).name, node: f.id[i]! }, "replace")}
			onOpen={(i) => toggle(i)}
			onMenu={(i, x, y) => {
				const n = tree.nameOf(i);
				menu.value = { x, y, name: n.name, node: f.id[i]!, file: n.file, line: n.line, path: tree.path(i).map((k) => tree.nameOf(k).name) };
			}}
			rowClass={(i) => (found ? (found.test(tree.nameOf(i).name) ? "found" : "faded") : "")}
			tree={{
				level: (i) => tree.depth[i]! + 1, expanded, toggle,
				parent: (i) => (f.parent[i] === NO_PARENT ? null : f.parent[i]!),
			}}
		/>
	);
}
