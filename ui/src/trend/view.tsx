// What grows over a series of profiles: the answer of `gospect trend` as curves, the worst first, and a way from each to its code.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Doc, TrendAnswer, TrendRow, TrendVerdict } from "../api/types";
import { NoSamples } from "../flame/pane";
import { formatCount, formatDuration, formatTime, formatValue } from "../lib/format";
import { visible } from "../lib/names";
import { Name } from "../panels/cells";
import { useSize } from "../panels/size";
import { Empty, ErrorState, Loading } from "../panels/states";
import { VirtualTable, type Column } from "../panels/table";
import { useJSON } from "../state/answer";
import { searchRegExp } from "../state/query";
import { navigate, route } from "../state/route";
import { doc, documents, sampleType } from "../state/session";
import { keyTarget, menu } from "../state/ui";
import { sortRows } from "../views/table";
import { nameRows, needsInterval, seriesOf, trendUrl, type NamedRow } from "./ask";
import { formatSlope, paceOf, projection, ticks, tickTime, tickValue, TrendPlot, type Pace } from "./plot";

/** More small pictures than this are a list: the table has them all. */
const maxCards = 120;
const sparkWidth = 200, sparkHeight = 44;
const fewMoments = 5;

const signs: Record<TrendVerdict, string> = { growing: "↗", shrinking: "↘", steady: "→", "can't tell": "?" };
const classes: Record<TrendVerdict, string> = { growing: "more", shrinking: "less", steady: "dim", "can't tell": "dim" };

function Verdict({ row }: { row: TrendRow }) {
	return <span class={`trend-verdict ${classes[row.verdict]}`}><i aria-hidden="true">{signs[row.verdict]}</i> {row.verdict}{row.slowing ? ", slower" : ""}</span>;
}

/** How values and slopes of this answer are written. */
interface Words { value(v: number): string; slope(s: number | null): string; range(row: TrendRow): string; pace: Pace; confidence: string }

function wordsOf(a: TrendAnswer): Words {
	const unit = route.value.unit;
	const pace = paceOf([a.whole, ...a.rows], a.unit);
	const per = a.is_rate ? "/s" : "";
	const slope = (s: number | null) => formatSlope(s, pace, a.unit, unit);
	return {
		pace, slope, value: (v) => `${formatValue(Math.round(v), a.unit, unit)}${per}`, confidence: `${Number((a.confidence * 100).toFixed(2))} %`,
		range: (row) => (row.low_per_s === null ? "too few moments" : `${slope(row.low_per_s)} to ${slope(row.high_per_s)}`),
	};
}

/** In words, for those who hear the page. */
function sentence(row: TrendRow, w: Words): string {
	return `${visible(row.name)}: ${row.verdict}, ${w.slope(row.slope_per_s)} a ${w.pace.name}, ${w.confidence} sure of ${w.range(row)}; ${w.value(row.values[0] ?? 0)} at first, ${w.value(row.values[row.values.length - 1] ?? 0)} at last`;
}

/** A row's own stacks in another view. */
function only(row: TrendRow | null): { fn: string; node: number; transforms?: string[] } {
	if (!row) return { fn: "", node: -1 };
	const step = `only-function:${row.name}`;
	const list = route.peek().transforms;
	return { fn: row.name, node: -1, transforms: list.includes(step) ? list : [...list, step] };
}

export function TrendView() {
	const r = route.value;
	const d = doc.value!;
	const series = useMemo(() => seriesOf(d, documents.value), [d, documents.value]);
	const type = sampleType.value?.type ?? "";
	const answer = useJSON<TrendAnswer>(series.length > 1 ? trendUrl(r, series, type) : null);
	if (series.length < 2) return <Empty title="A trend needs several profiles" command="gospect ui heap.*.pprof">Take more of the same program, some time apart, and open them together.</Empty>;
	const timeless = needsInterval(series);
	return (
		<div class="trend" aria-busy={answer.loading}>
			<div class="tl-bar">
				<div class="segments" role="group" aria-label="What a row is">
					<button aria-pressed={r.trendBy === "flat"} title="A function's own values" onClick={() => navigate({ trendBy: "flat", nth: 0 })}>Self</button>
					<button aria-pressed={r.trendBy === "cum"} title="A function's values with all it calls" onClick={() => navigate({ trendBy: "cum", nth: 0 })}>With callees</button>
					<button aria-pressed={r.trendBy === "stack"} title="Every whole stack on its own" onClick={() => navigate({ trendBy: "stack", nth: 0 })}>Stacks</button>
				</div>
				<Amount title="Leave out first" hint="Profiles left out at the beginning: caches that fill after the start" value={String(r.skip)} pattern={/^\d{1,4}$/} set={(v) => navigate({ skip: Number(v) })} />
				{timeless && <Amount title="Taken every" hint="Not all of these profiles say when they were taken: they count as so far apart, in the order in which they were opened. 500ms, 10s, 1h" value={r.interval} pattern={/^\d+(\.\d+)?(ms|s|m|h)$/} set={(v) => navigate({ interval: v })} />}
				<span class="spacer" />
				<div class="segments" role="group" aria-label="How rows are shown">
					<button aria-pressed={!r.trendTable} onClick={() => navigate({ trendTable: false })}>Curves</button>
					<button aria-pressed={r.trendTable} onClick={() => navigate({ trendTable: true })}>Table</button>
				</div>
			</div>
			{answer.error ? <ErrorState error={answer.error} /> : !answer.data ? <Loading what="Fitting slopes…" /> : answer.data.at_s.length === 0 ? <NoSamples /> : <Shown a={answer.data} series={series} timeless={timeless} />}
		</div>
	);
}

function Amount({ title, hint, value, pattern, set }: { title: string; hint: string; value: string; pattern: RegExp; set(value: string): void }) {
	const take = (e: { currentTarget: HTMLInputElement }) => {
		const text = e.currentTarget.value.trim();
		if (pattern.test(text)) set(text);
		else e.currentTarget.value = value;
	};
	return (
		<label class="pair" title={hint}>{title}
			<input class="trend-number" type="text" value={value} onChange={take} onKeyDown={(e) => { if (e.key === "Enter") take(e); }} />
		</label>
	);
}

function Shown({ a, series, timeless }: { a: TrendAnswer; series: Doc[]; timeless: boolean }) {
	const r = route.value;
	const w = wordsOf(a);
	const named = useMemo(() => nameRows(a.rows), [a]);
	const selected = named.find((n) => n.row.name === r.fn && n.nth === r.nth) ?? named.find((n) => n.row.name === r.fn) ?? null;
	/** the documents in order of time; a rate belongs to the later of its two */
	const taken = a.order.map((i) => series[i]!);
	const docOf = (i: number) => taken[i + taken.length - a.at_s.length]!;
	const newest = taken[taken.length - 1]!;
	const select = (n: NamedRow | null) => navigate(n ? { fn: n.row.name, nth: n.nth, node: -1 } : { fn: "", nth: 0, node: -1 }, r.fn ? "replace" : "push");
	const flame = (row: TrendRow | null, of: Doc = newest) => navigate({ view: "flame", doc: of.id, root: 0, ...only(row) });
	const diff = () => navigate({ view: "diff", doc: newest.id, base: taken[0]!.id, ...only(selected?.row ?? null) });
	const counts = (["growing", "shrinking", "can't tell", "steady"] as const).map((v) => [v, a.rows.filter((row) => row.verdict === v).length] as const).filter(([, n]) => n > 0);

	const now = useRef({ diff });
	now.current = { diff };
	useEffect(() => {
		const target = {
			key(event: KeyboardEvent) {
				if (event.key !== "D" || event.ctrlKey || event.metaKey || event.altKey) return false;
				now.current.diff();
				return true;
			},
			back: () => false,
		};
		keyTarget.value = target;
		return () => {
			if (keyTarget.peek() === target) keyTarget.value = null;
		};
	}, []);

	const row = selected?.row ?? a.whole;
	return (
		<>
			<div class="trend-head">
				<div class="trend-title">
					{selected ? <h2><Name name={row.name} /></h2> : <h2>{visible(a.type)}{a.is_rate ? " a second" : ""}</h2>}
					<Verdict row={row} />
					<span class="trend-slope"><b class={classes[row.verdict]}>{w.slope(row.slope_per_s)}</b>/{w.pace.name} <span class="dim" title="The interval in which the slope lies with this confidence">{w.confidence}: {w.range(row)}</span></span>
					<span class="spacer" />
					<span class="trend-go">
						<button class="button small" title={`Flame graph of the newest profile${selected ? ", only stacks with this function" : ""} (Enter)`} onClick={() => flame(selected?.row ?? null)}>Flame graph</button>
						<button class="button small" title="What changed from the first to the last profile (Shift+D)" onClick={diff}>First to last</button>
					</span>
				</div>
				<div class="dim trend-say">
					{formatCount(a.profiles)} profiles over {formatDuration((a.at_s[a.at_s.length - 1]! - a.at_s[0]!) * 1e9)}{timeless ? ", as far as one knows" : ""}: {w.value(row.values[0]!)} to {w.value(row.values[row.values.length - 1]!)}. {projection(row)}
					{a.at_s.length < fewMoments && ` Fewer than ${fewMoments} moments: any order of them may be chance, take more.`}
					{a.same_moment > 0 && ` ${formatCount(a.same_moment)} of the same moment as another ${a.same_moment === 1 ? "is" : "are"} left out.`}
					{a.before_restart > 0 && ` The program was started again after the first ${formatCount(a.before_restart)}, which are left out.`}
				</div>
			</div>
			<Curve a={a} row={row} w={w} docOf={docOf} flame={(of) => flame(selected?.row ?? null, of)} />
			<div class="trend-counts" role="status">
				{counts.length ? counts.map(([v, n]) => <span key={v} class={classes[v]}><i aria-hidden="true">{signs[v]}</i> {formatCount(n)} {v}</span>) : <span class="dim">Nothing is large enough to be tested on its own.</span>}
				{a.not_tested > 0 && <span class="dim">{formatCount(a.not_tested)} too small to test</span>}
				{selected && <button class="link" onClick={() => select(null)} title="Esc">the whole again</button>}
			</div>
			{r.trendTable ? <Rows named={named} selected={selected} w={w} select={select} open={flame} /> : <Cards a={a} named={named} selected={selected} w={w} select={select} open={flame} />}
		</>
	);
}

/** One curve large: its values, the line through them, the slopes that may be true, and the profiles as places to go to. */
function Curve({ a, row, w, docOf, flame }: { a: TrendAnswer; row: TrendRow; w: Words; docOf(i: number): Doc; flame(of: Doc): void }) {
	const host = useRef<HTMLDivElement>(null);
	const size = useSize(host);
	const [over, setOver] = useState(-1);
	const box = { left: 76, top: 12, width: Math.max(10, size[0] - 76 - 20), height: Math.max(10, size[1] - 12 - 24) };
	const plot = useMemo(() => new TrendPlot(a.at_s, row, box), [a, row, size]);
	const last = a.at_s.length - 1;
	const at = a.at_s.findIndex((_, i) => docOf(i).id === doc.value?.id);
	const shown = over >= 0 && over <= last ? over : at;
	const place = (e: MouseEvent) => plot.indexAt(e.clientX - host.current!.getBoundingClientRect().left);
	const pick = (i: number, how: "push" | "replace" = "replace") => navigate({ doc: docOf(Math.max(0, Math.min(last, i))).id }, how);
	const onKey = (e: KeyboardEvent) => {
		if (e.ctrlKey || e.metaKey || e.altKey) return;
		switch (e.key) {
			case "ArrowLeft": case "ArrowDown": pick(at < 0 ? last : at - 1); break;
			case "ArrowRight": case "ArrowUp": pick(at < 0 ? 0 : at + 1); break;
			case "Home": pick(0); break;
			case "End": pick(last); break;
			case "Enter": flame(docOf(at < 0 ? last : at)); break;
			default: return;
		}
		e.preventDefault();
		e.stopPropagation();
	};
	const moment = (i: number) => `${a.start_ns ? formatTime(a.start_ns + a.at_s[i]! * 1e9) : `+${formatDuration(a.at_s[i]! * 1e9)}`} · ${w.value(row.values[i]!)} · ${visible(docOf(i).name)}`;
	const vertical = ticks(plot.low, plot.high, box.height / 34, /byte/.test(a.unit) ? 2 : 10);
	const horizontal = ticks(0, a.at_s[last]! - a.at_s[0]!, box.width / 90, 60);
	const x = (i: number) => plot.x(a.at_s[i]!);
	return (
		<>
			<div class="trend-moment dim">{shown >= 0 ? moment(shown) : "Each point is a profile"}</div>
			<div
				ref={host} class="trend-plot" tabIndex={0} role="slider" aria-label="Profiles of the series. Arrow keys choose one, Enter opens its flame graph. The table below holds the slopes."
				aria-valuemin={0} aria-valuemax={last} aria-valuenow={Math.max(0, at)} aria-valuetext={at >= 0 ? moment(at) : sentence(row, w)}
				onPointerMove={(e) => setOver(place(e))} onPointerLeave={() => setOver(-1)} onKeyDown={onKey}
				onClick={(e) => { host.current?.focus({ preventScroll: true }); pick(place(e), "push"); }} onDblClick={(e) => flame(docOf(place(e)))}
			>
				{size[0] > 0 && (
					<svg width={size[0]} height={size[1]} aria-hidden="true">
						<clipPath id="trend-clip"><rect x={box.left - 6} y={box.top - 8} width={box.width + 12} height={box.height + 16} /></clipPath>
						{vertical.map((v) => <g key={v}><path class="mmu-grid" d={`M${box.left} ${plot.y(v)}H${box.left + box.width}`} /><text class="mmu-tick" x={box.left - 8} y={plot.y(v) + 4} text-anchor="end">{tickValue(w.value(v))}</text></g>)}
						{horizontal.map((s) => <text key={s} class="mmu-tick" x={plot.x(a.at_s[0]! + s)} y={box.top + box.height + 18} text-anchor={plot.x(a.at_s[0]! + s) > size[0] - 60 ? "end" : s === 0 ? "start" : "middle"}>{s === 0 ? "0" : `+${tickTime(s)}`}</text>)}
						<g clip-path="url(#trend-clip)">
							<path class="trend-wedge" d={plot.wedge()} />
							<path class={`trend-line ${classes[row.verdict]}`} d={plot.line()} />
							<path class="trend-path" d={plot.path()} />
							{shown >= 0 && <path class="mmu-over" d={`M${x(shown)} ${box.top}V${box.top + box.height}`} />}
							{row.values.map((v, i) => <circle key={i} class={`trend-dot ${i === at ? "at" : ""}`} cx={x(i)} cy={plot.y(v)} r={i === at ? 4.5 : i === shown ? 4 : a.at_s.length > 120 ? 1.5 : 2.6} />)}
						</g>
					</svg>
				)}
			</div>
		</>
	);
}

function Spark({ a, row, width = sparkWidth, height = sparkHeight }: { a: TrendAnswer; row: TrendRow; width?: number; height?: number }) {
	const plot = new TrendPlot(a.at_s, row, { left: 3, top: 4, width: width - 6, height: height - 8 });
	return (
		<svg class="trend-spark" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
			<path class="trend-wedge" d={plot.wedge()} />
			<path class={`trend-line ${classes[row.verdict]}`} d={plot.line()} />
			<path class="trend-path" d={plot.path()} />
		</svg>
	);
}

interface ListProps { named: NamedRow[]; selected: NamedRow | null; w: Words; select(n: NamedRow): void; open(row: TrendRow): void }

function Cards({ a, named, selected, w, select, open }: ListProps & { a: TrendAnswer }) {
	const r = route.value;
	const host = useRef<HTMLDivElement>(null);
	const found = useMemo(() => (r.mode === "highlight" ? searchRegExp(r.query) : null), [r.query, r.mode]);
	// What is searched for comes first: the others stay in their order behind it.
	const list = useMemo(() => (found ? [...named.filter((n) => found.test(n.row.name)), ...named.filter((n) => !found.test(n.row.name))] : named).slice(0, maxCards), [named, found]);
	const at = list.findIndex((n) => n.key === selected?.key);
	useEffect(() => {
		if (at >= 0) host.current?.children[at]?.scrollIntoView({ block: "nearest" });
	}, [selected?.key]);
	const onKey = (e: KeyboardEvent) => {
		if (e.ctrlKey || e.metaKey || e.altKey) return;
		const across = host.current ? getComputedStyle(host.current).gridTemplateColumns.split(" ").length : 1;
		const go = (i: number) => select(list[Math.max(0, Math.min(list.length - 1, i))]!);
		switch (e.key) {
			case "ArrowRight": go(at + 1); break;
			case "ArrowLeft": go(at - 1); break;
			case "ArrowDown": go(at < 0 ? 0 : at + across >= list.length ? at : at + across); break;
			case "ArrowUp": go(at - across < 0 ? at : at - across); break;
			case "Home": go(0); break;
			case "End": go(list.length - 1); break;
			case "Enter": if (at >= 0) open(list[at]!.row); break;
			case "m": case "ContextMenu":
				if (at < 0) return;
				showMenu(list[at]!, host.current!.children[at]!.getBoundingClientRect().left + 20, host.current!.children[at]!.getBoundingClientRect().top + 24);
				break;
			default: return;
		}
		e.preventDefault();
		e.stopPropagation();
	};
	const showMenu = (n: NamedRow, x: number, y: number) => {
		menu.value = { x, y, name: n.row.name, node: -1, path: [], file: n.row.file ?? "", line: n.row.line ?? 0 };
	};
	return (
		<div class="trend-scroll">
			<div ref={host} class="trend-cards" role="listbox" aria-label="What grows, the worst first. Arrow keys walk, Enter opens the flame graph. The table holds the same in numbers." tabIndex={0} aria-activedescendant={at >= 0 ? `trend-card-${at}` : undefined} onKeyDown={onKey}>
				{list.map((n, i) => (
					<div
						key={n.key} id={`trend-card-${i}`} role="option" aria-selected={n.key === selected?.key} aria-label={sentence(n.row, w)}
						class={`trend-card ${n.key === selected?.key ? "selected" : ""} ${found ? (found.test(n.row.name) ? "found" : "faded") : ""}`}
						onClick={() => select(n)} onDblClick={() => open(n.row)}
						onContextMenu={(e) => { e.preventDefault(); select(n); showMenu(n, e.clientX, e.clientY); }}
					>
						<div class="trend-card-name"><Name name={n.row.name} /></div>
						{a.by === "stack" && <div class="dim trend-callers" title={n.row.stack.map(visible).join("\n")}>{n.row.stack.slice(1, 4).map((s) => visible(s.slice(s.lastIndexOf("/") + 1))).join(" ‹ ")}</div>}
						<Spark a={a} row={n.row} />
						<div class="trend-card-foot"><Verdict row={n.row} /><span class="spacer" /><b class={classes[n.row.verdict]}>{w.slope(n.row.slope_per_s)}</b><span class="dim">/{w.pace.name}</span></div>
						<div class="trend-card-foot dim"><span>{w.confidence}</span><span class="spacer" /><span>{w.range(n.row)}</span></div>
						<div class="trend-card-foot dim"><span>first to last</span><span class="spacer" /><span>{w.value(n.row.values[0]!)} → {w.value(n.row.values[n.row.values.length - 1]!)}</span></div>
					</div>
				))}
			</div>
			{named.length > list.length && <p class="dim small-note">The first {maxCards} of {formatCount(named.length)}. <button class="link" onClick={() => navigate({ trendTable: true })}>The table has all</button></p>}
		</div>
	);
}

const fields: Record<string, (n: NamedRow) => number | string> = {
	slope: (n) => n.row.slope_per_s, low: (n) => n.row.low_per_s ?? -Infinity, high: (n) => n.row.high_per_s ?? Infinity, q: (n) => n.row.q, mean: (n) => n.row.mean,
	first: (n) => n.row.values[0] ?? 0, last: (n) => n.row.values[n.row.values.length - 1] ?? 0, double: (n) => n.row.doubles_in_s ?? Infinity, name: (n) => n.row.name, verdict: (n) => n.row.verdict,
};

function Rows({ named, selected, w, select, open }: ListProps) {
	const r = route.value;
	const sort = fields[r.sort.replace(/^-/, "")] ? r.sort : "";
	const found = useMemo(() => (r.mode === "highlight" ? searchRegExp(r.query) : null), [r.query, r.mode]);
	const rows = useMemo(() => (sort ? sortRows(named, sort, (n, k) => fields[k]!(n)) : named), [named, sort]);
	const columns: Column<NamedRow>[] = [
		{ key: "verdict", title: "Verdict", track: "122px", hint: "Growing and shrinking are what chance would hardly do; steady: nothing found, and a change of a tenth would have been", cell: (n) => <Verdict row={n.row} /> },
		{ key: "slope", title: `Per ${w.pace.name}`, track: "92px", numeric: true, hint: "Median slope over all pairs of profiles (Theil and Sen)", cell: (n) => w.slope(n.row.slope_per_s) },
		{ key: "low", title: "At least", track: "92px", numeric: true, wide: 760, hint: `${w.confidence} interval`, cell: (n) => w.slope(n.row.low_per_s) },
		{ key: "high", title: "At most", track: "92px", numeric: true, wide: 760, hint: `${w.confidence} interval`, cell: (n) => w.slope(n.row.high_per_s) },
		{ key: "first", title: "First", track: "92px", numeric: true, cell: (n) => w.value(n.row.values[0]!) },
		{ key: "last", title: "Last", track: "92px", numeric: true, cell: (n) => w.value(n.row.values[n.row.values.length - 1]!) },
		{ key: "mean", title: "Mean", track: "92px", numeric: true, wide: 1060, cell: (n) => w.value(n.row.mean) },
		{ key: "q", title: "By chance", track: "78px", numeric: true, wide: 940, hint: "Share of false finds among all that are as sure as this one", cell: (n) => (n.row.q >= 0.001 ? n.row.q.toFixed(3) : "<0.001") },
		{ key: "double", title: "Doubles in", track: "96px", numeric: true, wide: 1160, cell: (n) => (n.row.doubles_in_s === null ? "" : formatDuration(Math.min(n.row.doubles_in_s, 1e9) * 1e9)) },
		{ key: "name", title: r.trendBy === "stack" ? "Stack" : "Function", track: "minmax(200px, 1fr)", cell: (n) => <><Name name={n.row.name} />{r.trendBy === "stack" && <span class="dim place">{n.row.stack.slice(1, 3).map((s) => visible(s.slice(s.lastIndexOf("/") + 1))).join(" ‹ ")}</span>}</> },
	];
	return (
		<VirtualTable
			label="What grows, the worst first" columns={columns} rows={rows} keyOf={(n) => n.key} selected={selected?.key ?? ""} sort={sort} onSort={(s) => navigate({ sort: s })}
			onSelect={select} onOpen={(n) => open(n.row)} rowClass={(n) => (found ? (found.test(n.row.name) ? "found" : "faded") : "")}
			onMenu={(n, x, y) => (menu.value = { x, y, name: n.row.name, node: -1, path: [], file: n.row.file ?? "", line: n.row.line ?? 0 })}
		/>
	);
}
