// Goroutines that can never wake, those that look like it, and where memory piles up: what `gospect leaks` says.

import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import type { LeakGroup, LeakMemory, LeakPlace, Leaks } from "../api/heap";
import { formatCount, formatDelta, formatDuration, formatPercent, formatValue } from "../lib/format";
import { baseName, visible } from "../lib/names";
import { Bar, Name } from "../panels/cells";
import { DownIcon, RightIcon } from "../panels/icons";
import { Empty, ErrorState, Loading } from "../panels/states";
import { openInEditor, openLabel } from "../state/actions";
import { useJSON } from "../state/answer";
import { searchRegExp } from "../state/query";
import { navigate, route } from "../state/route";
import { baseDoc, doc, documents } from "../state/session";
import { stateClass } from "../views/goroutines";
import { showAllocations } from "./allocated";
import { heapSpellings, kindOf, leaksUrl, showObject, showType } from "./ask";

const bytes = (n: number) => formatValue(n, "bytes", route.value.unit);
const goroutines = (n: number) => `${formatCount(n)} ${n === 1 ? "goroutine" : "goroutines"}`;

export function leakText(g: LeakGroup): string {
	return [g.verdict, g.state, g.blocked?.function, g.created?.function, g.start?.function, ...(g.waits_for ?? []).map((w) => w.type ?? ""), ...(g.stack ?? []).map((f) => f.function)].join("\n");
}

export function LeaksView() {
	const r = route.value;
	const d = doc.value!;
	const base = baseDoc.value?.kind === "heap" && baseDoc.value.id !== d.id ? baseDoc.value : null;
	const answer = useJSON<Leaks>(leaksUrl([...(base ? [base.id] : []), d.id]));
	const found = useMemo(() => searchRegExp(r.query), [r.query]);
	if (answer.error) return <ErrorState error={answer.error} />;
	if (!answer.data) return <Loading what="Proving who can never wake…" />;
	const a = answer.data;
	const groups = a.groups.filter((g) => !found || found.test(leakText(g)));
	const piles = (a.memory ?? []).filter((m) => !found || found.test([m.in, m.elements, ...m.held_by].join("\n")));
	const others = documents.value.filter((x) => x.kind === "heap" && x.id !== d.id);
	return (
		<div class="leaks">
			<dl class="heap-facts">
				<Fact title="Can never wake" value={formatCount(a.proven_goroutines)} note={a.proven_groups ? `at ${formatCount(a.proven_groups)} ${a.proven_groups === 1 ? "place" : "places"}` : "nothing proven"} tone={a.proven_goroutines ? "more" : ""} hint="Proven: nothing that can still run has a way to what they wait for" />
				<Fact title="They hold" value={bytes(a.proven_heap_bytes + a.proven_stack_bytes)} note={`${bytes(a.proven_heap_bytes)} of heap, ${bytes(a.proven_stack_bytes)} of stacks`} />
				<Fact title="Suspects" value={formatCount(a.suspect_goroutines)} note={a.suspect_groups ? `at ${formatCount(a.suspect_groups)} ${a.suspect_groups === 1 ? "place" : "places"}` : "many at one line, or long waits"} hint="Somebody still has a way to wake them" />
				{a.goroutines !== undefined && <Fact title="Goroutines" value={formatCount(a.goroutines)} note={a.proof_ns !== undefined ? `decided in ${formatDuration(a.proof_ns)}` : ""} />}
			</dl>
			{others.length > 0 && (
				<div class="tl-bar">
					<label class="pair">What has grown since
						<select value={base?.id ?? 0} onChange={(e) => navigate({ base: Number(e.currentTarget.value) })}>
							<option value={0}>–</option>
							{others.map((o) => <option key={o.id} value={o.id}>{`${o.id} · ${visible(o.title || o.name)}`}</option>)}
						</select>
					</label>
				</div>
			)}
			{a.is_main_stuck && <p class="note">The first goroutine waits for ever too: that is how many programs keep running, and only counts when others do.</p>}
			{a.note && <p class="note">{visible(a.note)}</p>}
			{a.detector.map((c) => <p key={c.source} class="note">Go's own detector ({visible(c.source)}) names {goroutines(c.leaked)}: {formatCount(c.agreed)} agreed, {formatCount(c.only_detector)} only there, {formatCount(c.only_proven)} only here.</p>)}
			<section aria-label="Goroutines">
				<h3>Goroutines</h3>
				{groups.length === 0 ? <p class="dim">{found ? "No place matches the search." : "None is proven to be stuck, and none looks suspicious."}</p> : <ul class="gor-list">{groups.map((g, k) => <Group key={keyOf(g, k)} id={keyOf(g, k)} g={g} whole={a.goroutines ?? 0} first={k === 0} />)}</ul>}
			</section>
			<section aria-label="Memory">
				<h3>Where memory piles up</h3>
				{piles.length === 0 ? <p class="dim">{found ? "No place matches the search." : "No map, slice or struct has gathered much of the heap."}</p> : <ul class="gor-list">{piles.map((m, k) => <Pile key={`${m.in}#${k}`} id={`pile ${m.in}#${k}`} m={m} whole={a.live_bytes ?? 0} first={k === 0} />)}</ul>}
			</section>
			{groups.length === 0 && piles.length === 0 && !found && <Empty title="Nothing leaks that can be seen from one heap">A second snapshot taken later shows what grows.</Empty>}
		</div>
	);
}

function Fact({ title, value, note, hint, tone = "" }: { title: string; value: string; note?: string; hint?: string; tone?: string }) {
	return <div class="fact" title={hint}><dt>{title}</dt><dd><b class={tone}>{value}</b>{note && <span class="dim">{note}</span>}</dd></div>;
}

function keyOf(g: LeakGroup, k: number): string {
	return `${g.blocked?.function ?? g.state}:${g.blocked?.line ?? k}/${g.created?.line ?? 0}`;
}

/** The first of a list is open, the others closed, until one says otherwise; it stays in the address. */
function useOpen(id: string, first: boolean): [boolean, () => void] {
	const folds = route.value.folds;
	const flipped = folds.includes(id);
	return [first !== flipped, () => navigate({ folds: flipped ? folds.filter((f) => f !== id) : [...folds, id] }, "replace")];
}

function Where({ p }: { p: LeakPlace | undefined }) {
	if (!p?.file) return null;
	return <button class="link where" title={`${openLabel()}: ${visible(p.file)}`} onClick={() => void openInEditor(p.file, p.line)}>{visible(baseName(p.file))}:{p.line}</button>;
}

function Row({ title, children }: { title: string; children: ComponentChildren }) {
	return <div class="leak-row"><dt>{title}</dt><dd>{children}</dd></div>;
}

function Thing({ type, address }: { type: string; address?: string | undefined }) {
	return <button class="link name" title={`${visible(type)}${address ? ` at ${address}` : ""}`} onClick={() => (address ? showObject(address) : showType(type))}>{heapSpellings(type)[0]}</button>;
}

function Group({ g, id, whole, first }: { g: LeakGroup; id: string; whole: number; first: boolean }) {
	const [open, toggle] = useOpen(id, first);
	const waits = g.waits_for ?? [];
	const users = g.users ?? [];
	const more = g.more_users ?? 0;
	const ids = g.goroutines ?? [];
	const held = g.heap_bytes + g.stack_bytes;
	return (
		<li class="gor">
			<button class="gor-head leak-head" aria-expanded={open} onClick={toggle}>
				{open ? <DownIcon /> : <RightIcon />}
				<Bar share={g.count / (whole || g.count)} text={formatCount(g.count)} tone={g.verdict === "proven" ? "more" : "plain"} />
				<span class="leak-marks"><span class={`tag ${g.verdict === "proven" ? "more" : ""}`}>{g.verdict}</span>{g.is_growing && <span class="tag more" title={`${formatCount(g.before ?? 0)} before`}>+{formatCount(g.count - (g.before ?? 0))}</span>}</span>
				<span class="gor-title">{g.blocked?.function ? <Name name={g.blocked.function} /> : <span class="dim">the runtime</span>}{g.blocked?.file && <span class="dim mono"> {visible(baseName(g.blocked.file))}:{g.blocked.line}</span>}</span>
				<span class={`state-chip ${stateClass(g.state)}`}><i />{visible(g.state)}</span>
				<span class="dim">{g.wait_ns > 0 ? `longest ${formatDuration(g.wait_ns)}` : ""}</span>
				<span class="num">{bytes(held)}</span>
			</button>
			{open && (
				<div class="gor-body">
					<dl class="leak-facts">
						<Row title="blocked">{g.blocked?.function ? <><Name name={g.blocked.function} /> <Where p={g.blocked} /></> : "in the runtime"}</Row>
						{g.created?.function && <Row title="created by"><Name name={g.created.function} /> <Where p={g.created} /></Row>}
						{waits.map((w, k) => (
							<Row key={k} title={k ? "or" : w.lock ? "waits for the" : `waits to ${w.kind === "receive" ? "receive from" : w.kind === "send" ? "send to" : "get"}`}>
								{w.lock ? <span>{visible(w.lock)} </span> : null}
								{w.type ? <><Thing type={w.type} address={w.address} /> <span class="dim">·</span> <button class="link" title="What points to it" onClick={() => navigate({ view: "refs", around: w.address, object: w.address, opened: [] })}>references</button></> : <span class="mono">{w.address}</span>}
							</Row>
						))}
						{waits.length === 0 && <Row title="waits for">a nil channel or an empty select: for ever</Row>}
						<Row title={g.verdict === "proven" ? "could have woken it" : "can wake it"}>
							{users.length === 0 ? <span class="dim">{g.verdict === "proven" ? "nobody else has it in hand" : "not told"}</span> : (
								<ul class="plain-list">{users.map((u, k) => (
									<li key={k}>
										{u.kind === "object" ? <Thing type={u.type ?? ""} address={u.address} /> : u.kind === "goroutine" ? <><Name name={u.name ?? ""} /> <span class="dim">goroutine {u.goroutine}</span></> : <button class="link name" onClick={() => showType(u.name ?? "")}>{visible(u.name ?? "")}</button>}
										{u.count > 1 && <span class="dim"> ×{formatCount(u.count)}</span>}{u.is_leaked && <span class="tag more" title="It can never wake, or is out of reach, itself">stuck too</span>}
									</li>
								))}</ul>
							)}
							{more > 0 && <span class="dim"> and {formatCount(more)} more</span>}
						</Row>
						{g.kept_by && <Row title="kept within reach by"><span class="way"><button class="link name" onClick={() => showType(g.kept_by!.root)}>{visible(g.kept_by.root)}</button>{g.kept_by.path.map((p, k) => <span key={k}><i aria-hidden="true">›</i><Thing type={p.type} address={p.address} /></span>)}</span></Row>}
						{(g.cycle || g.is_cycle_of_its_own) && <Row title="deadlock">{g.is_cycle_of_its_own ? "its members wait for each other" : `part of cycle ${g.cycle}: each holds what the next one waits for`}</Row>}
						<Row title="holds">{bytes(g.heap_bytes)} of heap, {bytes(g.stack_bytes)} of stacks</Row>
						{g.before !== undefined && <Row title="before">{goroutines(g.before)}</Row>}
						{g.said_leaked > 0 && <Row title="Go's detector">agrees about {goroutines(g.said_leaked)}</Row>}
					</dl>
					{g.stack && g.stack.length > 0 && (
						<ol class="stack">{g.stack.map((f, k) => <li key={k} class={f.function.startsWith("runtime.") ? "muted" : ""}><Name name={f.function} /><Where p={f} /></li>)}</ol>
					)}
					{ids.length > 0 && <div class="gor-ids"><span class="dim">goroutines</span>{ids.slice(0, 24).map((n) => <span key={n} class="gid">{n}</span>)}{g.count > 24 && <span class="dim">and {formatCount(g.count - 24)} more</span>}</div>}
				</div>
			)}
		</li>
	);
}

function Way({ steps }: { steps: string[] }) {
	return <span class="way">{steps.map((s, k) => <span key={k}>{k > 0 && <i aria-hidden="true">›</i>}<button class={`link name ${kindOf(s) ? "holder" : ""}`} title={visible(s)} onClick={() => showType(s)}>{heapSpellings(s)[0]}</button></span>)}</span>;
}

function Pile({ m, id, whole, first }: { m: LeakMemory; id: string; whole: number; first: boolean }) {
	const [open, toggle] = useOpen(id, first);
	const grown = m.retained_before_bytes === undefined ? 0 : m.retained_bytes - m.retained_before_bytes;
	return (
		<li class="gor">
			<button class="gor-head leak-head" aria-expanded={open} onClick={toggle}>
				{open ? <DownIcon /> : <RightIcon />}
				<Bar share={m.retained_bytes / (whole || 1)} text={formatPercent(m.retained_bytes, whole)} />
				<span class="leak-marks">{grown > 0 && <span class="tag more">{formatDelta(grown, "bytes", route.value.unit)}</span>}</span>
				<span class="gor-title" title={visible(m.in)}>{heapSpellings(m.in)[0]}</span>
				<span class="dim leak-left">{formatCount(m.count)} × {heapSpellings(m.elements)[0]}</span>
				<span class="dim" />
				<span class="num">{bytes(m.retained_bytes)}</span>
			</button>
			{open && (
				<div class="gor-body">
					<dl class="leak-facts">
						<Row title="held by"><Way steps={m.held_by} /></Row>
						{m.shortest_way && <Row title="shortest way"><Way steps={m.shortest_way} /></Row>}
						<Row title="below it">{formatCount(m.count)} of <Thing type={m.elements} />, {bytes(m.bytes)}</Row>
						{m.allocated_at && (
							<Row title="allocated at">
								<button class="plain" title="What it allocated, as a flame graph" onClick={() => showAllocations("flame", m.allocated_at!.function)}><Name name={m.allocated_at.function} /></button> <Where p={m.allocated_at} />
								<span class="dim"> {formatPercent(m.allocated_at.share, 1)} of it, by {formatCount(m.allocated_at.samples)} {m.allocated_at.samples === 1 ? "sample" : "samples"}</span>
							</Row>
						)}
						{m.retained_before_bytes !== undefined && <Row title="before">{bytes(m.retained_before_bytes)}</Row>}
					</dl>
					<div class="row-actions">
						<button class="button small" onClick={() => navigate({ view: "treemap", heapBy: "name", mapRoot: "", box: -1, query: "" })}>Treemap</button>
						<button class="button small" onClick={() => navigate({ view: "refs", around: m.in, fn: m.in, object: "", opened: [] })}>References</button>
					</div>
				</div>
			)}
		</li>
	);
}
