// The timeline on the page: asks the engine for lanes and tiles, owns the chart, ties it to the selection.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ApiError, getJSON } from "../api/client";
import { CellFlag, shareBytes } from "../api/tiles";
import type { GoroutineDetail, LaneRow, LanesAnswer, PathAnswer } from "../api/types";
import { formatCount, formatValue } from "../lib/format";
import { spellings, visible } from "../lib/names";
import { cssColor } from "../render/draw";
import { dark as darkTheme, light as lightTheme } from "../render/color";
import { CloseIcon } from "../panels/icons";
import { Empty, ErrorState, Loading } from "../panels/states";
import { useJSON } from "../state/answer";
import { followed, reopen, toggleFollow } from "../state/follow";
import { engineRegex } from "../state/query";
import { navigate, route, type Route } from "../state/route";
import { dark, doc, sampleType, settings, status } from "../state/session";
import { keyTarget, say } from "../state/ui";
import { TimelineChart, type LaneHit } from "./chart";
import { Overview } from "./overview";
import { pathUrl } from "./path";
import { Rows, type Row, type RowQuery } from "./rows";
import { setClassPattern, stateColor, states, stateOf } from "./states";
import { TileStore } from "./store";
import { Swatch } from "./swatch";
import { LaneTable } from "./table";
import { formatLength, formatMoment, formatRange, parseRange, timeArgument } from "./time";

/** Filters and order of the lanes as arguments of the engine. */
export function laneFilter(r: Route, type: string): string {
	const q = new URLSearchParams();
	if (r.query) q.set("match", engineRegex(r.query));
	if (r.lanesTask) q.set("task", engineRegex(r.lanesTask));
	if (r.lanesState) q.set("state", r.lanesState);
	if (r.lanesMin) q.set("min", r.lanesMin);
	const time = timeArgument(r.range);
	if (time) q.set("time", time);
	if (r.fn) q.set("function", r.fn);
	if (r.filter) q.set("filter", r.filter);
	if (r.fn || r.filter) q.set("value", type);
	q.set("sort", r.lanesSort === "marked" && !r.fn && !r.filter ? "start" : r.lanesSort);
	return `&${q}`;
}

/** What is marked: where the selected function is on the stack, and the expression over samples holds. */
function marksOf(r: Route, type: string): string {
	if (!r.fn && !r.filter) return "";
	return `${r.fn ? `&function=${encodeURIComponent(r.fn)}` : ""}${r.filter ? `&filter=${encodeURIComponent(r.filter)}` : ""}&value=${encodeURIComponent(type)}`;
}

export function useLaneQuery(): { query: RowQuery; marked: string } {
	const r = route.value;
	const type = sampleType.value?.type ?? "wall";
	const mark = marksOf(r, type);
	// What is only marked leaves the list as it is: the function is a filter when the person says so.
	const filter = laneFilter(r.lanesMarked ? r : { ...r, fn: "" }, type);
	const by = (["function", "creator", "task", "none"].includes(r.lanesBy) ? r.lanesBy : "function") as RowQuery["by"];
	return { query: { doc: r.doc, by, filter, open: r.open, toggled: r.folds }, marked: mark };
}

/** The marked time of all lanes in the range: what the flame graph says of the function. */
export function useMarked(): { ns: number; lanes: number } | null {
	const r = route.value;
	const type = sampleType.value?.type ?? "wall";
	const marks = marksOf(r, type);
	const time = timeArgument(r.range);
	const answer = useJSON<LanesAnswer>(marks ? `/api/lanes?doc=${r.doc}&limit=1${marks}${time ? `&time=${time}` : ""}` : null);
	return answer.data ? { ns: answer.data.hit_ns ?? 0, lanes: answer.data.count } : null;
}

let lastMove = 0;

export function TimelineView() {
	const r = route.value;
	const id = doc.value?.id ?? 1;
	const first = useJSON<LanesAnswer>(`/api/lanes?doc=${id}&limit=1`);
	if (first.error) return <ErrorState error={first.error} />;
	if (!first.data) return <Loading what="Laying out the timeline…" />;
	if (first.data.duration_ns <= 0 || first.data.goroutines === 0)
		return <Empty title="This trace is empty" command="curl -o trace.out 'http://127.0.0.1:6060/debug/pprof/trace?seconds=5'">It holds no event of any goroutine. A trace of a running service is taken so:</Empty>;
	return (
		<div class="timeline">
			<Bar />
			<Overlays all={first.data.overlays ?? []} />
			<Unfinished id={id} text={first.data.incomplete ?? ""} />
			{first.data.damage && <p class="note bad">{visible(first.data.damage)}</p>}
			{r.lanesTable ? <LaneTable first={first.data} /> : <Lanes first={first.data} id={id} />}
		</div>
	);
}

/** Of a trace that is still being written. */
function Unfinished({ id, text }: { id: number; text: string }) {
	const follows = followed.value.has(id);
	if (!text && !follows) return null;
	return (
		<p class="note">
			{text ? `${visible(text)}. ` : "All that is there has been read. "}
			{!follows && <><button class="link" onClick={() => void reopen(id)}>Read it again</button>, or </>}
			<button class="link" aria-pressed={follows} title="Look at the file again and again, and read it when a further generation is whole" onClick={() => toggleFollow(id)}>{follows ? "Stop following" : "follow it"}</button>
		</p>
	);
}

/** What was taken meanwhile and lies on this clock. */
function Overlays({ all }: { all: NonNullable<LanesAnswer["overlays"]> }) {
	if (!all.length) return null;
	const say = (o: (typeof all)[number]) =>
		`${visible(o.name)} from ${formatLength(o.start_ns)} to ${formatLength(o.end_ns)}${o.has_times ? `, ${formatCount(o.samples - o.outside)} samples on this clock${o.unplaced ? `, ${formatCount(o.unplaced)} of them on no goroutine` : ""}` : ""}`;
	return <p class="note">Taken meanwhile: {all.map(say).join("; ")}</p>;
}

function Lanes({ first, id }: { first: LanesAnswer; id: number }) {
	const r = route.value;
	const host = useRef<HTMLDivElement>(null);
	const strip = useRef<HTMLDivElement>(null);
	const chart = useRef<TimelineChart | null>(null);
	const overview = useRef<Overview | null>(null);
	const store = useRef<TileStore | null>(null);
	const rows = useRef<Rows | null>(null);
	const changed = useRef(() => {});
	const [tip, setTip] = useState<{ hit: LaneHit; x: number; y: number } | null>(null);
	const [error, setError] = useState<ApiError | null>(null);
	const [pinRows, setPinRows] = useState<LaneRow[]>([]);
	const [ready, setReady] = useState(false);
	const [settled, setSettled] = useState(0);
	const duration = first.duration_ns;
	const length = useRef(duration);
	const { query, marked } = useLaneQuery();
	const wanted = JSON.stringify(query);
	const range = useMemo(() => parseRange(r.range, duration), [r.range, duration]);

	useEffect(() => {
		const main = host.current, top = strip.current;
		if (!main || !top) return;
		const redraw = () => {
			chart.current?.invalidate();
			overview.current?.invalidate();
			if (main) main.dataset.loading = store.current?.loading ? "1" : "";
		};
		changed.current = redraw;
		const list = new Rows(redraw);
		const c = new TimelineChart(main, settings.peek().renderer, duration, {
			moved(from, to) {
				const all = from <= 0 && to >= length.current;
				const now = performance.now();
				// Steps that follow each other closely are one movement: going back undoes it whole.
				navigate({ sight: all ? "" : formatRange(from, to) }, now - lastMove > 1200 ? "push" : "replace");
				lastMove = now;
			},
			moving(from, to) {
				overview.current?.show([from, to], parseRange(route.peek().range, length.current));
			},
			select(row, time) {
				if (!row) navigate({ lane: "", at: -1 });
				else {
					navigate({ lane: row.key, at: time < 0 ? -1 : Math.round(time) }, route.peek().lane === row.key ? "replace" : "push");
					status.value = describeRow(row, time);
				}
			},
			range(part) {
				navigate({ range: part ? formatRange(part[0], part[1]) : "" });
			},
			toggle(row) {
				const peek = route.peek();
				const flip = (l: string[], x: string) => (l.includes(x) ? l.filter((y) => y !== x) : [...l, x]);
				if (row.kind === "section") navigate({ folds: flip(peek.folds, row.key) }, "replace");
				else navigate({ open: flip(peek.open, row.name), lane: row.key }, "replace");
			},
			pin(row) {
				const pins = route.peek().pins;
				navigate({ pins: pins.includes(row.lane) ? pins.filter((p) => p !== row.lane) : [...pins, row.lane] });
			},
			hover(hit, x, y) {
				setTip(hit && hit.part !== "label" && (hit.cell >= 0 || hit.tile?.curve) ? { hit, x, y } : null);
			},
			seen() {
				setSettled((n) => n + 1);
			},
		});
		const o = new Overview(top, settings.peek().renderer, duration, (from, to) => c.moveTo(from, to));
		chart.current = c;
		overview.current = o;
		rows.current = list;
		const target = {
			key: (event: KeyboardEvent) => c.key(event),
			back: () => {
				if (!c.zoomed) return false;
				c.showAll();
				return true;
			},
		};
		keyTarget.value = target;
		return () => {
			if (keyTarget.peek() === target) keyTarget.value = null;
			c.release();
			o.release();
			store.current?.release();
			chart.current = store.current = null;
		};
	}, [id]);

	// Each reading of the trace has its tiles; what is in sight stays there, or at the end.
	useEffect(() => {
		const before = store.current;
		before?.release();
		const tiles = new TileStore(id, duration, () => changed.current(), (text) => say(text, true), before);
		tiles.setMark(marked);
		store.current = tiles;
		if (duration !== length.current) lastMove = performance.now(); // nobody went there: nothing for the back button
		length.current = duration;
		chart.current?.setDuration(duration);
		chart.current?.setData(tiles, rows.current!);
		overview.current?.setStore(tiles);
	}, [id, first]);

	useEffect(() => {
		setError(null);
		rows.current?.load(query, first).then(
			() => setReady(true),
			(e: unknown) => setError(e instanceof ApiError ? e : new ApiError(0, "", String(e))),
		);
	}, [wanted, first]);

	useEffect(() => {
		store.current?.setMark(marked);
		chart.current?.setMarking(marked !== "");
	}, [marked]);

	useEffect(() => {
		chart.current?.chooseRenderer(settings.value.renderer);
		overview.current?.chooseRenderer(settings.value.renderer);
		if (chart.current) chart.current.wheelZooms = settings.value.wheelZooms;
		setClassPattern(settings.value.classes);
		chart.current?.invalidate();
	}, [settings.value]);
	useEffect(() => {
		chart.current?.setTheme(dark.value);
		overview.current?.setTheme(dark.value);
	}, [dark.value]);

	useEffect(() => {
		const w = parseRange(r.sight, length.current) ?? [0, length.current];
		chart.current?.setWindow(w[0], w[1]);
	}, [r.sight]);
	useEffect(() => chart.current?.setGaps(first.gaps ?? []), [first]);
	useEffect(() => chart.current?.setRange(range), [range]);
	useEffect(() => chart.current?.setSelection(route.peek().lane, route.peek().at), [r.lane, r.at, ready]); // of now: keys may have come since the rendering

	// A lane that the link names may be far down in a list of which only the beginning is here, or in a closed group: it is shown as if pinned.
	const opened = useRef(r.lane).current;
	const linked = ready && r.lane === opened && /^[gpmt]\d+$/.test(r.lane) ? r.lane : "";

	// Pinned lanes need their data wherever they are in the list: it comes with a list of its own.
	const pinsOf = useRef(first);
	useEffect(() => {
		let left = false;
		const known = new Map(pinsOf.current === first ? pinRows.map((p) => [p.lane, p]) : []);
		pinsOf.current = first;
		const wanted = linked && !r.pins.includes(linked) && !rows.current?.dataOf(linked) ? [...r.pins, linked] : r.pins;
		const missing = wanted.filter((p) => !known.has(p) && !rows.current?.dataOf(p));
		for (const p of wanted) {
			const data = rows.current?.dataOf(p);
			if (data) known.set(p, data);
		}
		const use = () => !left && setPinRows(wanted.map((p) => known.get(p)).filter((p): p is LaneRow => p !== undefined));
		if (!missing.length) use();
		else
			void Promise.all(missing.map((lane) => laneData(id, lane))).then((found) => {
				for (const f of found) if (f) known.set(f.lane, f);
				use();
			});
		return () => {
			left = true;
		};
	}, [r.pins.join(), linked, ready, first]);
	useEffect(() => {
		chart.current?.setPins(pinRows.map((d) => ({
			key: d.lane, kind: "lane", lane: d.lane, name: d.name, level: 0, height: 24, open: null, group: null, data: d, note: "",
		})));
	}, [pinRows]);

	// Who woke the selected goroutine, in sight.
	const goroutine = r.lane[0] === "g" ? (rows.current?.dataOf(r.lane) ?? pinRows.find((p) => p.lane === r.lane) ?? null) : null;
	const sight = r.sight || `0-${duration}`;
	const detail = useJSON<GoroutineDetail>(goroutine ? `/api/goroutine?doc=${id}&id=${goroutine.id}&time=${timeArgument(sight)}&limit=400` : null);
	useEffect(() => {
		const d = detail.data;
		chart.current?.setArrows(
			!d || !goroutine || d.span_count > 1200 ? [] : d.spans.filter((s) => s.peer && s.state === "runnable" && !s.reason).map((s) => ({ time: s.start_ns, from: s.peer!.lane, to: d.lane })),
		);
	}, [detail.data, r.lane, settled]);

	const path = useJSON<PathAnswer>(pathUrl(id, r.path));
	useEffect(() => {
		const steps = r.path ? (path.data?.steps ?? []) : [];
		chart.current?.setPath(steps.filter((s) => s.lane && !s.is_followed).map((s) => ({ from: s.start_ns, to: s.end_ns, lane: s.lane! })));
	}, [path.data, r.path]);

	return (
		<>
			<div ref={strip} class="canvas-host overview" aria-hidden="true" />
			<div
				ref={host} class="canvas-host lanes" tabIndex={0} role="application" aria-roledescription="timeline" aria-describedby="status" aria-busy={!ready && !error}
				aria-label="Timeline. W A S D zoom and move, arrow keys walk lanes and spans, Enter opens a group. The button Table shows the same lanes as a tree grid."
			/>
			{error && <div class="over"><ErrorState error={error} /></div>}
			{tip && store.current && <Tip {...tip} store={store.current} />}
		</>
	);
}

/** One lane of the list, by what the engine calls it. */
async function laneData(docId: number, lane: string): Promise<LaneRow | null> {
	if (!/^[gpmt]\d+$/.test(lane)) return null;
	const a = await getJSON<LanesAnswer>(`/api/lanes?doc=${docId}&lane=${lane}`);
	return a.rows[0] ?? null;
}

export function describeRow(row: Row, time: number): string {
	const d = row.data;
	const where = time >= 0 ? ` at ${formatMoment(time, 1000)}` : "";
	if (row.kind === "group") return `${visible(row.name)} · ${formatCount(row.group?.count ?? 0)}`;
	if (!d) return visible(row.name);
	const parts = Object.entries(d.total_ns ?? {}).map(([k, v]) => `${k} ${formatLength(v)}`);
	return `${visible(d.name)}${d.lane[0] === "g" ? ` · goroutine ${d.id}` : ""}${where} · lives ${formatLength(d.end_ns - d.start_ns)}${parts.length ? ` · ${parts.join(", ")}` : ""}`;
}

function Tip({ hit, x, y, store }: { hit: LaneHit; x: number; y: number; store: TileStore }) {
	const t = hit.tile;
	if (!t) return null;
	const left = Math.max(8, Math.min(x + 14, innerWidth - 340));
	const style = { left: `${left}px`, ...(y + 190 < innerHeight ? { top: `${y + 18}px` } : { bottom: `${innerHeight - y + 12}px` }) };
	if (hit.cell < 0) {
		const c = t.curve;
		if (!c) return null;
		const at = Math.min(c.n - 1, Math.max(0, Math.floor((hit.time - t.from) / t.cell)));
		const n = c.series.length;
		return (
			<div class="tip" style={style} role="presentation">
				<div class="tip-name">{visible(hit.row.name)} · {formatMoment(hit.time, t.cell)}</div>
				<dl>{c.series.map((name, k) => <><dt>{name}</dt><dd>{n === 2 ? formatValue(c.values[at * n + k] || 0, "bytes") : (c.values[at * n + k] ?? 0).toFixed(2)}</dd><dd /></>)}</dl>
			</div>
		);
	}
	const s = t.source;
	const i = hit.cell;
	const flags = s.info[i]! >>> 16;
	const state = s.info[i]! & 255;
	const reason = s.head.reasons[(s.info[i]! >>> 8) & 255] ?? "";
	const length = s.end[i]! - s.start[i]!;
	const named = hit.part === "regions" || hit.part === "frames" || hit.part === "fixed" || hit.row.lane[0] === "t";
	const other = named ? undefined : store.goroutines.get(s.value[i]!);
	const merged = (flags & CellFlag.Merged) !== 0;
	const work = hit.row.lane[0] !== "g";
	return (
		<div class="tip" style={style} role="presentation">
			<div class="tip-name">
				{named ? visible(s.head.names[s.value[i]!] ?? "") : merged ? `${formatCount(s.count[i]!)} spans` : <><Swatch state={state} /> {states[state - 1]?.title ?? ""}{reason && reason !== states[state - 1]?.name ? ` · ${visible(reason)}` : ""}</>}
			</div>
			<dl>
				<dt>at</dt><dd>{formatMoment(s.start[i]!, length)}</dd><dd />
				<dt>for</dt><dd>{formatLength(length)}{flags & CellFlag.OpenEnd ? " and on" : ""}</dd><dd />
				{merged && !named && states.map((x, k) => {
					const share = s.shares[i * shareBytes + k + 1]!;
					return share ? <><dt><Swatch state={k + 1} /> {x.title}</dt><dd>{((100 * share) / 255).toFixed(0)} %</dd><dd /></> : null;
				})}
				{merged && named && <><dt>count</dt><dd>{formatCount(s.count[i]!)}</dd><dd /></>}
				{!merged && work && other && <><dt>goroutine</dt><dd>{other.id}</dd><dd class="name">{visible(spellings(other.name)[0] ?? "")}</dd></>}
				{!merged && !work && state === 2 && other && <><dt>woken by</dt><dd>{other.id}</dd><dd class="name">{visible(spellings(other.name)[0] ?? "")}</dd></>}
			</dl>
		</div>
	);
}

/** Legend, grouping, filters. */
function Bar() {
	const r = route.value;
	const marks = useMarked();
	const theme = dark.value ? darkTheme : lightTheme;
	return (
		<div class="tl-bar">
			<label class="pair">Group
				<select value={r.lanesBy} onChange={(e) => navigate({ lanesBy: e.currentTarget.value })}>
					<option value="function">by start function</option><option value="creator">by creator</option><option value="task">by task</option><option value="none">not at all</option>
				</select>
			</label>
			<label class="pair">Sort
				<select value={r.lanesSort} onChange={(e) => navigate({ lanesSort: e.currentTarget.value })}>
					<option value="start">by start</option><option value="duration">by length of life</option><option value="time">by time {r.lanesState || "running"}</option><option value="transitions">by changes of state</option><option value="id">by number</option>
					{((r.fn && r.lanesMarked) || r.filter) && <option value="marked">by marked time</option>}
				</select>
			</label>
			<label class="pair">At least
				<select value={r.lanesMin} onChange={(e) => navigate({ lanesMin: e.currentTarget.value })}>
					<option value="">any time</option>{["100us", "1ms", "10ms", "100ms", "1s"].map((x) => <option key={x} value={x}>{x.replace("us", "µs")} or more</option>)}
				</select>
			</label>
			<TaskField />
			{(r.fn || r.filter) && (
				<span class="tl-marked" role="status">
					<i class="swatch mark" /><span class="name" title={visible(r.fn || r.filter)}>{visible(r.fn ? (spellings(r.fn)[0] ?? r.fn) : r.filter)}</span>
					<b id="marked" data-ns={marks?.ns}>{marks ? formatLength(marks.ns) : "…"}</b> <span class="dim">{sampleType.value?.type} in {marks ? formatCount(marks.lanes) : "…"} {marks?.lanes === 1 ? "goroutine" : "goroutines"}</span>
					{r.fn && <button class="button small" aria-pressed={r.lanesMarked} onClick={() => navigate({ lanesMarked: !r.lanesMarked })}>Only these</button>}
					<button class="icon tiny" aria-label="Mark nothing" onClick={() => navigate(r.fn ? { fn: "", node: -1, lanesMarked: false } : { filter: "" })}><CloseIcon /></button>
				</span>
			)}
			<span class="spacer" />
			<button class="button small" aria-pressed={r.lanesTable} title="The same lanes as a table" onClick={() => navigate({ lanesTable: !r.lanesTable })}>Table</button>
			<div class="tl-legend" role="group" aria-label="States: only lanes that were in one">
				{states.slice(0, 9).map((s, k) => (
					<button key={s.name} aria-pressed={r.lanesState === s.name} title={`${s.hint}; click: only lanes that were`} onClick={() => navigate({ lanesState: r.lanesState === s.name ? "" : s.name })}>
						<i class="swatch" style={{ background: cssColor(stateColor(theme, k + 1)) }} />{s.title}
					</button>
				))}
				<span title={stateOf("system").hint}><i class="swatch" style={{ background: cssColor(stateColor(theme, 10)) }} />runtime</span>
			</div>
		</div>
	);
}

function TaskField() {
	const r = route.value;
	const [text, setText] = useState(r.lanesTask);
	useEffect(() => setText(r.lanesTask), [r.lanesTask]);
	return (
		<label class="pair">Task
			<input type="text" class="tl-task" placeholder="any" value={text} spellcheck={false} onInput={(e) => setText(e.currentTarget.value)} onChange={() => navigate({ lanesTask: text.trim() })} />
		</label>
	);
}
