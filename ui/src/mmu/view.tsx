// Mutator utilization: how little of the processors the collector left to the program, by the length of the window one looks at.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { LanesAnswer, MmuAnswer, MmuWindow } from "../api/types";
import { formatPercent } from "../lib/format";
import { Bar } from "../panels/cells";
import { useSize } from "../panels/size";
import { Empty, ErrorState, Loading } from "../panels/states";
import { VirtualTable, type Column } from "../panels/table";
import { useJSON } from "../state/answer";
import { navigate, route } from "../state/route";
import { doc } from "../state/session";
import { keyTarget } from "../state/ui";
import { formatLength, formatMoment, formatRange } from "../timeline/time";
import { linesOf, MmuPlot, type MmuLine } from "./plot";

/** What can be counted as the collector's, by its letter in the link. */
const parts: [string, string, string, string][] = [
	["s", "stw", "Stops of the world", "All processors stand still"],
	["b", "background", "Mark workers", "Dedicated and fractional workers of the collector"],
	["a", "assist", "Assists", "Goroutines that mark because they allocate"],
	["w", "sweep", "Sweeping", "Spans cleared before they are used again"],
];
const usualWindow = 10e6;
const shownWorst = 50;

const percent = (share: number) => formatPercent(share, 1);
const tickText = (ns: number) => (ns >= 1e9 ? `${ns / 1e9} s` : ns >= 1e6 ? `${ns / 1e6} ms` : ns >= 1e3 ? `${ns / 1e3} µs` : `${ns} ns`);

function mmuUrl(counted: string, windowNs: number): string {
	const q = new URLSearchParams({ doc: String(route.value.doc), limit: String(windowNs ? shownWorst : 1), window: `${windowNs || usualWindow}ns` });
	for (const [letter, name] of parts) q.set(name, counted.includes(letter) ? "1" : "0");
	return `/api/mmu?${q}`;
}

function showInTimeline(w: MmuWindow): void {
	const from = w.start_ns, to = w.start_ns + w.window_ns;
	navigate({ view: "timeline", range: formatRange(from, to), sight: formatRange(from - w.window_ns, to + w.window_ns) });
}

export function MmuView() {
	const r = route.value;
	const curves = useJSON<MmuAnswer>(mmuUrl(r.counted, 0));
	const a = curves.data;
	if (curves.error) return <ErrorState error={curves.error} />;
	if (!a) return <Loading what="Adding up what the collector took…" />;
	return (
		<div class="mmu" aria-busy={curves.loading}>
			<div class="tl-bar">
				<span class="dim">Counted as the collector's</span>
				<div class="segments" role="group" aria-label="Counted as the collector's">
					{parts.map(([letter, , title, hint]) => (
						<button key={letter} aria-pressed={r.counted.includes(letter)} title={hint} onClick={() => navigate({ counted: parts.map(([l]) => l).filter((l) => (l === letter) !== r.counted.includes(l)).join("") || "none" })}>{title}</button>
					))}
				</div>
				<span class="spacer" />
				{a.unknown_ns > 0 && <span class="dim" title="Windows that touch a gap do not count">{formatLength(a.unknown_ns)} of gaps left out</span>}
				<span class="mmu-mean">Mean over the trace <b>{percent(a.mean)}</b></span>
			</div>
			{a.curve.length === 0 ? <Empty title="There is no window to look at">The trace is shorter than a microsecond, or does not say how many processors the program had.</Empty> : <Curves a={a} busy={curves.loading} />}
		</div>
	);
}

function Curves({ a, busy }: { a: MmuAnswer; busy: boolean }) {
	const r = route.value;
	const lines = useMemo(() => linesOf(a), [a]);
	const windows = useMemo(() => a.curve.map((p) => p.window_ns), [a]);
	const at = new MmuPlot(windows, 1000, 100).indexOf(r.window || usualWindow);
	const point = a.curve[at]!;
	const worst = useJSON<MmuAnswer>(mmuUrl(r.counted, point.window_ns));
	const pick = (index: number, how: "push" | "replace" = "replace") => {
		const next = a.curve[Math.max(0, Math.min(a.curve.length - 1, index))]!;
		navigate({ window: next.window_ns }, how);
	};

	const now = useRef({ at, pick, point });
	now.current = { at, pick, point };
	useEffect(() => {
		const target = {
			key(event: KeyboardEvent) {
				if (event.ctrlKey || event.metaKey || event.altKey) return false;
				const { at: i, pick: go } = now.current;
				switch (event.key) {
					case "ArrowLeft": case "a": go(i - 1); return true;
					case "ArrowRight": case "d": go(i + 1); return true;
					case "PageUp": go(i - 10); return true;
					case "PageDown": go(i + 10); return true;
					case "Home": go(0); return true;
					case "End": go(Infinity); return true;
					case "Enter": showInTimeline(now.current.point); return true;
					default: return false;
				}
			},
			back: () => {
				if (!route.peek().window) return false;
				navigate({ window: 0 });
				return true;
			},
		};
		keyTarget.value = target;
		return () => {
			if (keyTarget.peek() === target) keyTarget.value = null;
		};
	}, []);

	return (
		<>
			<Plot a={a} lines={lines} windows={windows} at={at} pick={pick} busy={busy} />
			<p class="mmu-say" aria-hidden="true">{a.mean >= 1 ? "What is counted took nothing in this trace." : sentence(lines, at, point.window_ns)}</p>
			<div class="mmu-tables">
				<section>
					<h3>Windows of every length</h3>
					<Lengths a={a} lines={lines} at={at} pick={pick} />
				</section>
				<section aria-busy={worst.loading}>
					<h3>Worst windows of {formatLength(point.window_ns)}</h3>
					{worst.error ? <ErrorState error={worst.error} /> : worst.data ? <Worst list={worst.data.worst} none={a.mean >= 1} /> : <Loading what="Looking for the worst windows…" />}
				</section>
			</div>
		</>
	);
}

function sentence(lines: MmuLine[], at: number, windowNs: number): string {
	const [least, ...shares] = lines;
	return `In the worst ${formatLength(windowNs)} the program had ${percent(least!.values[at] ?? 0)} of its processors; ${shares.map((l) => `${l.title} of all such windows at least ${percent(l.values[at] ?? 0)}`).join(", ")}.`.replaceAll(" %", "\u00a0%");
}

function Plot({ a, lines, windows, at, pick, busy }: { a: MmuAnswer; lines: MmuLine[]; windows: number[]; at: number; pick(index: number, how?: "push" | "replace"): void; busy: boolean }) {
	const host = useRef<HTMLDivElement>(null);
	const size = useSize(host);
	const [over, setOver] = useState(-1);
	const plot = useMemo(() => new MmuPlot(windows, size[0], size[1]), [windows, size]);
	const shown = over >= 0 && over < windows.length ? over : at;
	const place = (e: MouseEvent) => plot.indexAt(e.clientX - host.current!.getBoundingClientRect().left);
	const bottom = plot.y(0), top = plot.y(1);
	const x = (i: number) => plot.x(windows[i]!);
	const every = size[0] / Math.max(1, plot.ticks.length) < 56 ? 2 : 1;
	return (
		<>
			<div class="mmu-legend">
				<b>{formatLength(windows[shown]!)}</b>
				{lines.map((l, k) => <span key={l.title}><svg width="22" height="8" aria-hidden="true"><path class={`mmu-line line-${k}`} d="M0 4H22" /></svg>{k ? `${l.title} have` : "Least"} <b>{percent(l.values[shown] ?? 0)}</b></span>)}
				<span><svg width="22" height="8" aria-hidden="true"><path class="mmu-mean-line" d="M0 4H22" /></svg>mean</span>
			</div>
			<div
				ref={host} class={`mmu-plot ${busy ? "stale" : ""}`} tabIndex={0} role="slider" aria-label="Length of the window. Arrow keys change it, Enter shows the worst window in the timeline. The tables below hold the same numbers."
				aria-valuemin={0} aria-valuemax={windows.length - 1} aria-valuenow={at} aria-valuetext={sentence(lines, at, windows[at]!)}
				onPointerMove={(e) => setOver(place(e))} onPointerLeave={() => setOver(-1)}
				onClick={(e) => { host.current?.focus({ preventScroll: true }); pick(place(e), "push"); }} onDblClick={(e) => showInTimeline(a.curve[place(e)]!)}
			>
				{size[0] > 0 && (
					<svg width={size[0]} height={size[1]} aria-hidden="true">
						{[0, 0.25, 0.5, 0.75, 1].map((s) => <g key={s}><path class="mmu-grid" d={`M${MmuPlot.left} ${plot.y(s)}H${size[0] - MmuPlot.right}`} /><text class="mmu-tick" x={MmuPlot.left - 7} y={plot.y(s) + 4} text-anchor="end">{s * 100} %</text></g>)}
						{plot.ticks.map((t, k) => <g key={t}><path class="mmu-grid" d={`M${plot.x(t)} ${top}V${bottom}`} />{k % every === 0 && <text class="mmu-tick" x={plot.x(t)} y={bottom + 17} text-anchor={k === 0 ? "start" : plot.x(t) > size[0] - 40 ? "end" : "middle"}>{tickText(t)}</text>}</g>)}
						<path class="mmu-area" d={plot.area(lines[0]!.values)} />
						<path class="mmu-mean-line" d={`M${MmuPlot.left} ${plot.y(a.mean)}H${size[0] - MmuPlot.right}`} />
						{[...lines.keys()].reverse().map((k) => <path key={k} class={`mmu-line line-${k}`} d={plot.path(lines[k]!.values)} />)}
						{shown !== at && <path class="mmu-over" d={`M${x(shown)} ${top}V${bottom}`} />}
						<path class="mmu-at" d={`M${x(at)} ${top}V${bottom}`} />
						{lines.map((l, k) => <circle key={k} class={k ? "mmu-dot" : "mmu-dot least"} cx={x(shown)} cy={plot.y(l.values[shown] ?? 0)} r={k ? 2.5 : 4} />)}
						<circle class="mmu-worst" cx={x(at)} cy={plot.y(lines[0]!.values[at] ?? 0)} r="9" onClick={(e) => { e.stopPropagation(); showInTimeline(a.curve[at]!); }}><title>The worst window of {formatLength(windows[at]!)}: show it in the timeline</title></circle>
					</svg>
				)}
			</div>
		</>
	);
}

/** The curves in numbers. */
function Lengths({ a, lines, at, pick }: { a: MmuAnswer; lines: MmuLine[]; at: number; pick(index: number, how?: "push" | "replace"): void }) {
	const rows = a.curve;
	const index = (p: MmuWindow) => rows.indexOf(p as (typeof rows)[number]);
	const columns: Column<(typeof rows)[number]>[] = [
		{ key: "window", title: "Window", track: "84px", numeric: true, cell: (p) => formatLength(p.window_ns) },
		...lines.map((l, k): Column<(typeof rows)[number]> => ({
			key: `line${k}`, title: k ? l.title : "Least", track: k ? "72px" : "100px", numeric: true, ...(k === 1 ? { wide: 560 } : {}), hint: k ? `${l.title} of all windows of that length have at least this` : "Of all windows of that length",
			cell: (p) => (k ? percent(l.values[index(p)] ?? 0) : <Bar share={l.values[index(p)] ?? 0} text={percent(l.values[index(p)] ?? 0)} tone="plain" />),
		})),
		{ key: "start", title: "Worst begins at", track: "minmax(110px, 1fr)", cell: (p) => <button class="link" title="Select it in the timeline" onClick={(e) => { e.stopPropagation(); showInTimeline(p); }}>{formatMoment(p.start_ns, 1000)}</button> },
	];
	return <VirtualTable label="Mutator utilization by window length" columns={columns} rows={rows} keyOf={(p) => String(p.window_ns)} selected={String(rows[at]?.window_ns)} onSelect={(p) => pick(index(p))} onOpen={showInTimeline} />;
}

function Worst({ list, none }: { list: MmuWindow[]; none: boolean }) {
	const r = route.value;
	const duration = useJSON<LanesAnswer>(`/api/lanes?doc=${r.doc}&limit=1`).data?.duration_ns || Infinity;
	if (none) return <Empty title="Nothing was taken">What is counted did not happen in this trace. {doc.value?.warnings?.length ? "" : "A longer trace, or one of a busier moment, may have a cycle of the collector in it."}</Empty>;
	const columns: Column<MmuWindow>[] = [
		{ key: "share", title: "Utilization", track: "110px", numeric: true, cell: (w) => <Bar share={w.utilization} text={percent(w.utilization)} tone="plain" /> },
		{ key: "from", title: "From", track: "110px", numeric: true, cell: (w) => formatMoment(w.start_ns, w.window_ns / 10) },
		{ key: "where", title: "Where", hint: "Its place in the whole trace", track: "minmax(60px, 1fr)", cell: (w) => <span class="mmu-where" aria-hidden="true"><i style={{ left: `${(100 * w.start_ns) / duration}%`, width: `${(100 * w.window_ns) / duration}%` }} /></span> },
		{ key: "go", title: "", track: "70px", cell: (w) => <button class="link" title="Select it in the timeline (Enter)" onClick={(e) => { e.stopPropagation(); showInTimeline(w); }}>Timeline</button> },
	];
	return (
		<VirtualTable
			label="Worst windows" columns={columns} rows={list} keyOf={(w) => formatRange(w.start_ns, w.start_ns + w.window_ns)} selected={r.range}
			onSelect={(w) => navigate({ range: formatRange(w.start_ns, w.start_ns + w.window_ns) }, r.range ? "replace" : "push")} onOpen={showInTimeline}
		/>
	);
}
