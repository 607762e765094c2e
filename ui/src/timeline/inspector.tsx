// The selected lane: where its time went, the span that was clicked with its stack, who woke it, whom it woke.

import type { GoroutineDetail, GoroutineRef, LaneRow, LanesAnswer, StateTimes, TraceSpan } from "../api/types";
import { formatCount } from "../lib/format";
import { packageOf, visible } from "../lib/names";
import { Bar, formatPercent, Name } from "../panels/cells";
import { CloseIcon } from "../panels/icons";
import { Stack as Frames, type StackFrame } from "../panels/stack";
import { copyText } from "../state/actions";
import { AlsoOpen } from "../panels/inspector";
import { useJSON } from "../state/answer";
import { navigate, route } from "../state/route";
import { doc, setSetting } from "../state/session";
import { CriticalPath, pathOf, sightWith } from "./path";
import { indexOf, states } from "./states";
import { Swatch } from "./swatch";
import { formatLength, formatMoment, formatRange, parseRange, timeArgument } from "./time";

export function TimelineInspector() {
	const r = route.value;
	const kind = /^[gpmt]\d+$/.test(r.lane) ? { g: "goroutines", p: "procs", m: "threads", t: "tasks" }[r.lane[0]!] : undefined;
	const row = useJSON<LanesAnswer>(kind ? `/api/lanes?doc=${r.doc}&kind=${kind}&lane=${r.lane}` : null).data?.rows[0];
	return (
		<aside class="inspector" aria-label="Inspector">
			<button class="icon corner" title="Hide the inspector (p)" aria-label="Hide the inspector" onClick={() => setSetting("inspector", false)}><CloseIcon /></button>
			{r.path && <CriticalPath />}
			{row && kind === "goroutines" ? <Goroutine key={row.lane} row={row} /> : row ? <Other row={row} kind={kind!} /> : r.lane.startsWith("+") ? <Group name={r.lane.slice(1)} /> : <Whole />}
		</aside>
	);
}

function Times({ total, whole }: { total: StateTimes; whole: number }) {
	const list = Object.entries(total).sort((a, b) => b[1] - a[1]);
	return (
		<table class="facts"><tbody>
			{list.map(([name, ns]) => (
				<tr key={name}><th><Swatch state={indexOf(name)} /> {states[indexOf(name) - 1]?.title ?? name}</th><td class="num">{formatLength(ns)}</td><td class="num dim">{formatPercent(ns, whole)}</td></tr>
			))}
		</tbody></table>
	);
}

function Goroutine({ row }: { row: LaneRow }) {
	const r = route.value;
	const base = `/api/goroutine?doc=${r.doc}&id=${row.id}`;
	const time = timeArgument(r.range);
	const answer = useJSON<GoroutineDetail>(`${base}&limit=1${time ? `&time=${time}` : ""}`);
	const span = useJSON<GoroutineDetail>(r.at >= 0 ? `${base}&limit=1&time=${r.at}ns..${r.at + 1}ns` : null);
	const d = answer.data;
	const life = row.end_ns - row.start_ns;
	const id = String(row.id);
	const only = r.goroutines.includes(id);
	return (
		<>
			<h2 class="ins-name">{visible(row.name.slice(row.name.lastIndexOf("/") + 1) || "(no name)")}</h2>
			<div class="dim path">goroutine {row.id}{packageOf(row.name) ? ` · ${visible(packageOf(row.name))}` : ""}{row.system ? " · runtime" : ""}</div>
			<div class="row-actions">
				<button class="button small" aria-pressed={r.pins.includes(row.lane)} title="Shift+P" onClick={() => navigate({ pins: r.pins.includes(row.lane) ? r.pins.filter((p) => p !== row.lane) : [...r.pins, row.lane] })}>Pin</button>
				<button class="button small" title="Its whole life fills the width" onClick={() => navigate({ sight: formatRange(row.start_ns, row.end_ns) })}>Zoom to it</button>
				<button class="button small" aria-pressed={only} title="Every view counts this goroutine alone" onClick={() => navigate({ goroutines: only ? r.goroutines.filter((g) => g !== id) : [...r.goroutines, id] })}>Count only it</button>
				<button class="button small" onClick={() => navigate({ view: "flame", goroutines: only ? r.goroutines : [...r.goroutines, id] })}>Flame graph</button>
				<button class="button small" title={`What its ${time ? "part of the range" : "life"} was really spent on: its own steps, and those of the goroutines that it waited for`} onClick={() => navigate({ path: pathOf(row.id, ...partOf(row, r.range)) })}>Critical path</button>
			</div>
			{span.data?.spans[0] && r.at >= 0 && <Span span={span.data.spans[0]} row={row} />}
			<table class="facts wide"><tbody>
				<tr><th>start</th><td>{d && !d.saw_start ? "before the trace" : formatMoment(row.start_ns, 1000)}</td></tr>
				<tr><th>end</th><td>{d && !d.saw_end ? "after the trace" : formatMoment(row.end_ns, 1000)}</td></tr>
				<tr><th>life</th><td>{formatLength(life)}</td></tr>
				{d?.creator && <tr><th>created by</th><td><Peer g={d.creator} /></td></tr>}
				{d && d.children > 0 && <tr><th>created</th><td>{formatCount(d.children)} goroutines</td></tr>}
			</tbody></table>
			<section><h3>Time{time ? " in its life" : ""}</h3><Times total={row.total_ns ?? {}} whole={life} /></section>
			{d && d.waits.length > 0 && (
				<section>
					<h3>{time ? "In the range" : "By reason"}</h3>
					<ul class="edges">
						{d.waits.slice(0, 8).map((w) => (
							<li key={w.state + w.reason}>
								<button title={`longest ${formatLength(w.longest_ns)}: go there`} onClick={() => navigate({ at: w.longest_at_ns + 1, sight: around(w.longest_at_ns, w.longest_ns, row) })}>
									<Bar share={w.total_ns / (d.waits[0]!.total_ns || 1)} text={formatLength(w.total_ns)} tone="plain" />
									<span class="name"><Swatch state={indexOf(w.state)} /> {visible(w.reason || w.state)} <span class="dim">{formatCount(w.count)}×</span></span>
								</button>
							</li>
						))}
					</ul>
				</section>
			)}
			{d && <Peers title="Woken by" list={d.woken_by} />}
			{d && <Peers title="Woke" list={d.woke} />}
			{d && d.ranges.length > 0 && <section><h3>Work for the runtime</h3><table class="facts"><tbody>{d.ranges.map((x) => <tr key={x.name}><th>{visible(x.name)}</th><td class="num">{formatLength(x.total_ns)}</td><td class="num dim">{formatCount(x.count)}×</td></tr>)}</tbody></table></section>}
			{d && d.create_stack.length > 0 && <section><h3>Created at</h3><Stack frames={d.create_stack} /></section>}
		</>
	);
}

function around(start: number, length: number, row: LaneRow): string {
	const margin = Math.max(length * 0.4, 2000);
	return formatRange(Math.max(row.start_ns, start - margin), start + length + margin);
}

/** What of its life is in the range. */
function partOf(row: LaneRow, range: string): [number, number] {
	const part = parseRange(range, row.end_ns);
	return part && part[0] < row.end_ns && part[1] > row.start_ns ? [Math.max(row.start_ns, part[0]), part[1]] : [row.start_ns, row.end_ns];
}

function Span({ span, row }: { span: TraceSpan; row: LaneRow }) {
	const s = states[indexOf(span.state) - 1];
	const waits = !["running", "runnable", "syscall"].includes(span.state);
	// Who ended a wait is said of what comes after it.
	const after = useJSON<GoroutineDetail>(waits && span.end_ns < row.end_ns ? `/api/goroutine?doc=${route.value.doc}&id=${row.id}&limit=1&time=${span.end_ns}ns..${span.end_ns + 1}ns` : null).data?.spans[0];
	const waker = span.peer ?? (after?.start_ns === span.end_ns ? after.peer : undefined);
	return (
		<section class="span-facts">
			<h3><span><Swatch state={indexOf(span.state)} /> {s?.title ?? span.state}{span.reason && span.reason !== span.state ? ` · ${visible(span.reason)}` : ""}</span></h3>
			<div class="dim">{formatLength(span.end_ns - span.start_ns)} from {formatMoment(span.start_ns, 1000)}{span.proc !== undefined ? ` · P ${span.proc}` : ""}{span.thread !== undefined ? ` · thread ${span.thread}` : ""}</div>
			{waker && <div>{waits ? "ended" : "woken"} by <Peer g={waker} at={waits ? span.end_ns : span.start_ns} /></div>}
			<div class="row-actions">
				<button class="button small" title="r" onClick={() => navigate({ range: formatRange(span.start_ns, span.end_ns) })}>As range</button>
				<button class="button small" onClick={() => navigate({ sight: formatRange(span.start_ns - (span.end_ns - span.start_ns) * 0.15, span.end_ns + (span.end_ns - span.start_ns) * 0.15) })}>Zoom</button>
				{waits && <button class="button small" title="What those did meanwhile for whom it waited" onClick={() => navigate({ path: pathOf(row.id, span.start_ns, span.end_ns) })}>Critical path</button>}
				{span.stack.length > 0 && <button class="button small" onClick={() => copyText(span.stack.map((f) => `${f.name}\n\t${f.file}:${f.line}`).join("\n"), "the stack")}>Copy stack</button>}
			</div>
			{span.stack.length > 0 ? <Stack frames={span.stack} note={span.state === "running" ? "where it stopped" : span.state === "runnable" ? "where it was woken" : ""} /> : <p class="dim small-note">The trace has no stack for it.</p>}
		</section>
	);
}

function Stack({ frames, note }: { frames: StackFrame[]; note?: string }) {
	return <Frames frames={frames} {...(note ? { note } : {})} hint="mark where it runs" pick={(name) => navigate({ fn: name, node: -1 })} source={(name) => navigate({ view: "source", fn: name, node: -1 })} />;
}

/** With a moment: what the other one did then. */
function Peer({ g, at = -1 }: { g: GoroutineRef; at?: number }) {
	const go = () => {
		const r = route.peek();
		navigate({ lane: g.lane, at, open: [...new Set([...r.open, g.name])], pins: [...new Set([...r.pins, g.lane])], ...(at >= 0 ? { sight: sightWith(r.sight, at) } : {}) });
	};
	return <button class="link peer" title={at >= 0 ? "What it did then" : "Go to it"} onClick={go}>{g.id} <Name name={g.name} /></button>;
}

function Peers({ title, list }: { title: string; list: { goroutine: GoroutineRef | null; count: number }[] }) {
	if (!list.length) return null;
	return (
		<section>
			<h3>{title}</h3>
			<ul class="peers">
				{list.slice(0, 6).map((p, k) => <li key={k}>{p.goroutine ? <Peer g={p.goroutine} /> : <span class="dim">network, timer or runtime</span>}<span class="dim num">{formatCount(p.count)}×</span></li>)}
			</ul>
			{list.length > 6 && <div class="dim small-note">and {list.length - 6} more</div>}
		</section>
	);
}

function Other({ row, kind }: { row: LaneRow; kind: string }) {
	const r = route.value;
	return (
		<>
			<h2 class="ins-name">{visible(row.name)}</h2>
			<div class="dim path">{kind === "procs" ? "processor: what runs on it" : kind === "threads" ? "thread of the system" : `task ${row.id}`}</div>
			<div class="row-actions">
				<button class="button small" aria-pressed={r.pins.includes(row.lane)} onClick={() => navigate({ pins: r.pins.includes(row.lane) ? r.pins.filter((p) => p !== row.lane) : [...r.pins, row.lane] })}>Pin</button>
				{kind === "tasks" && <button class="button small" onClick={() => navigate({ range: formatRange(row.start_ns, row.end_ns), sight: formatRange(row.start_ns, row.end_ns) })}>As range</button>}
				{row.goroutine !== undefined && <button class="button small" title="What its time was really spent on: the steps of its goroutine, and those of the goroutines that it waited for" onClick={() => navigate({ path: pathOf(row.goroutine!, row.start_ns, row.end_ns) })}>Critical path</button>}
			</div>
			{kind === "tasks" ? <table class="facts wide"><tbody><tr><th>start</th><td>{formatMoment(row.start_ns, 1000)}</td></tr><tr><th>took</th><td>{formatLength(row.end_ns - row.start_ns)}</td></tr></tbody></table> : <Times total={row.total_ns ?? {}} whole={row.end_ns - row.start_ns} />}
		</>
	);
}

function Group({ name }: { name: string }) {
	const r = route.value;
	const g = useJSON<LanesAnswer>(`/api/lanes?doc=${r.doc}&group-by=${r.lanesBy === "task" ? "task" : "function"}&limit=1`).data?.groups?.find((x) => x.name === name);
	const only = r.starters.includes(name);
	const opened = r.open.includes(name);
	return (
		<>
			<h2 class="ins-name">{visible(name.slice(name.lastIndexOf("/") + 1) || "(no name)")}</h2>
			<div class="dim path">{g ? `${formatCount(g.count)} ${r.lanesBy === "task" ? "tasks" : "goroutines"}` : ""}</div>
			<div class="row-actions">
				<button class="button small" aria-pressed={opened} onClick={() => navigate({ open: opened ? r.open.filter((x) => x !== name) : [...r.open, name] })}>{opened ? "Close" : "Open"}</button>
				{r.lanesBy !== "task" && name && <button class="button small" aria-pressed={only} title="Every view counts these goroutines alone" onClick={() => navigate({ starters: only ? r.starters.filter((x) => x !== name) : [...r.starters, name] })}>Count only these</button>}
				{r.lanesBy !== "task" && name && <button class="button small" onClick={() => navigate({ view: "flame", starters: only ? r.starters : [...r.starters, name] })}>Flame graph</button>}
			</div>
			{g && <Times total={g.total_ns} whole={Object.values(g.total_ns).reduce((a, b) => a + b, 0)} />}
		</>
	);
}

/** A stretch of time: what everybody did in it. */
function Range({ range: [from, to] }: { range: [number, number] }) {
	const r = route.value;
	const answer = useJSON<LanesAnswer>(`/api/lanes?doc=${r.doc}&group-by=function&limit=1&time=${timeArgument(r.range)}`);
	const groups = answer.data?.groups ?? [];
	const length = to - from;
	const total: StateTimes = {};
	for (const g of groups) for (const [name, ns] of Object.entries(g.total_ns) as [keyof StateTimes, number][]) total[name] = (total[name] ?? 0) + ns;
	const ran = (g: (typeof groups)[number]) => (g.total_ns.running ?? 0) + (g.total_ns.system ?? 0);
	const busiest = groups.filter((g) => ran(g) > 0).sort((x, y) => ran(y) - ran(x)).slice(0, 8);
	const starved = groups.filter((g) => (g.total_ns.runnable ?? 0) > 0).sort((x, y) => y.total_ns.runnable! - x.total_ns.runnable!).slice(0, 4);
	const ranking = (title: string, list: typeof groups, of: (g: (typeof groups)[number]) => number) => list.length > 0 && (
		<section>
			<h3>{title}</h3>
			<ul class="edges">
				{list.map((g) => (
					<li key={g.name}>
						<button title={`${visible(g.name)}: ${formatCount(g.count)} goroutines`} onClick={() => navigate({ lane: `+${g.name}`, at: -1 })}>
							<Bar share={of(g) / (of(list[0]!) || 1)} text={formatLength(of(g))} tone="plain" /><Name name={g.name} />
						</button>
					</li>
				))}
			</ul>
		</section>
	);
	return (
		<>
			<h2 class="ins-name">{formatLength(length)} <span class="dim">from {formatMoment(from, length / 100)}</span></h2>
			<div class="row-actions">
				<button class="button small" onClick={() => navigate({ view: "flame" })}>Flame graph</button>
				<button class="button small" title="f" onClick={() => navigate({ sight: formatRange(from - length * 0.05, to + length * 0.05) })}>Zoom</button>
				<button class="button small" title="Esc" onClick={() => navigate({ range: "" })}>Clear</button>
			</div>
			{answer.data && (
				<>
					<section>
						<h3>All goroutines <span class="dim">how many on average</span></h3>
						<table class="facts"><tbody>
							{Object.entries(total).sort((x, y) => y[1] - x[1]).map(([name, ns]) => (
								<tr key={name}><th><Swatch state={indexOf(name)} /> {states[indexOf(name) - 1]?.title ?? name}</th><td class="num">{formatLength(ns)}</td><td class="num dim">{(ns / length).toFixed(2)}</td></tr>
							))}
						</tbody></table>
					</section>
					{ranking("Ran", busiest, ran)}
					{ranking("Waited for a processor", starved, (g) => g.total_ns.runnable ?? 0)}
				</>
			)}
		</>
	);
}

function Whole() {
	const r = route.value;
	const a = useJSON<LanesAnswer>(`/api/lanes?doc=${r.doc}&limit=1`).data;
	const d = doc.value;
	if (!a || !d) return null;
	const range = parseRange(r.range, a.duration_ns);
	if (range) return <Range range={range} />;
	const rows: [string, string][] = [
		["length", formatLength(a.duration_ns)], ["goroutines", formatCount(a.goroutines)], ["processors", formatCount(a.procs)], ["threads", formatCount(a.threads)],
		...(a.tasks ? [["tasks", formatCount(a.tasks)] as [string, string]] : []), ["changes of state", formatCount(a.transitions)],
	];
	return (
		<>
			<h2 class="ins-name">{visible(d.title || d.name)}</h2>
			<table class="facts wide"><tbody>{rows.map(([k, v]) => <tr key={k}><th>{k}</th><td>{v}</td></tr>)}</tbody></table>
			<AlsoOpen d={d} />
			{d.warnings?.length ? <section><h3>Warnings</h3>{d.warnings.map((w, k) => <p class="note" key={k}>{visible(w)}</p>)}</section> : null}
			<p class="dim hint">Click a lane: its time, stacks and peers appear here. Drag over the timeline: the flame graph and every other view count that stretch alone. <kbd>?</kbd> shows all keys.</p>
		</>
	);
}
