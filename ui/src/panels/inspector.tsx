// The selected thing: what it costs here and everywhere, who calls it, what it calls, its hottest lines.

import type { Doc, ListAnswer, PeekAnswer, PeekEdge, TopAnswer } from "../api/types";
import { formatCount, formatDuration, formatValue } from "../lib/format";
import { baseName, packageOf, visible } from "../lib/names";
import { addTransform, copyText, openInEditor, openLabel } from "../state/actions";
import { useJSON } from "../state/answer";
import { navigate, route } from "../state/route";
import { baseDoc, doc, documents, openDoc, rawSamples, sampleType, setSetting } from "../state/session";
import type { Hit } from "../flame/chart";
import { selectedHit } from "../state/ui";
import { heat, missingText } from "../views/source";
import { listUrl, peekUrl, topUrl } from "../views/urls";
import { Bar, delta, formatChange, formatPercent, Name, shown } from "./cells";
import { CloseIcon } from "./icons";

export function Inspector() {
	const r = route.value;
	return (
		<aside class="inspector" aria-label="Inspector">
			<button class="icon corner" title="Hide the inspector (p)" aria-label="Hide the inspector" onClick={() => setSetting("inspector", false)}><CloseIcon /></button>
			{r.fn ? <FunctionFacts name={r.fn} /> : r.node > 0 && selectedHit.value ? <FrameFacts hit={selectedHit.value} /> : <DocumentFacts />}
		</aside>
	);
}

function wholeOf(): number {
	const d = doc.value;
	const types = d?.sample_types ?? [];
	return Math.abs(d?.total?.[types.findIndex((t) => t.type === sampleType.value?.type)] ?? 0);
}

function FunctionFacts({ name }: { name: string }) {
	const r = route.value;
	const peek = useJSON<PeekAnswer>(peekUrl(r, name));
	const row = peek.data?.rows.find((x) => x.name === name) ?? null;
	const whole = peek.data?.total ?? wholeOf();
	const hit = selectedHit.value;
	const frame = hit && r.node >= 0 && hit.tree.frames.id[hit.index] === r.node ? hit : null;
	const f = frame?.tree.frames;
	const at = frame ? frame.index : 0;
	const info = frame ? frame.tree.nameOf(at) : null;
	const file = row?.file || info?.file || "";
	const line = row?.line || info?.line || 0;
	// The table beside it asks the same and holds the raw count of the whole function.
	const table = useJSON<TopAnswer>(r.view === "table" ? topUrl(r) : null);
	const samples = row?.samples ?? table.data?.rows.find((x) => x.name === name)?.samples;
	const base = r.view === "diff" ? baseDoc.value : null;
	return (
		<>
			<h2 class="ins-name">{visible(name.slice(name.lastIndexOf("/") + 1))}</h2>
			<div class="dim path">{visible(packageOf(name))}{file ? ` · ${visible(baseName(file))}${line ? `:${line}` : ""}` : ""}</div>
			<div class="row-actions">
				<button class="button small" disabled={!file} onClick={() => openInEditor(file, line)}>{openLabel()}</button>
				{r.view !== "source" && <button class="button small" onClick={() => navigate({ view: "source" })}>Source</button>}
				{doc.value?.kind !== "heap" && r.view !== "sandwich" && <button class="button small" onClick={() => navigate({ view: "sandwich" })}>Sandwich</button>}
				{doc.value?.kind === "trace" && <button class="button small" title="Marks every moment in which it is on a stack" onClick={() => navigate({ view: "timeline" })}>Timeline</button>}
			</div>
			<table class="facts">
				<thead><tr><th /><th class="num">{frame ? "here" : ""}</th><th class="num">{frame ? "everywhere" : ""}</th><th class="num">of all</th></tr></thead>
				<tbody>
					<tr><th>self</th><td class="num">{f ? shown(f.self[at]!) : ""}</td><td class="num">{row ? shown(row.flat) : peek.error ? "" : "…"}</td><td class="num dim">{row ? formatPercent(row.flat, whole) : ""}</td></tr>
					<tr><th>total</th><td class="num">{f ? shown(f.total[at]!) : ""}</td><td class="num">{row ? shown(row.cum) : peek.error ? "" : "…"}</td><td class="num dim">{row ? formatPercent(row.cum, whole) : ""}</td></tr>
					{(f?.samples || samples !== undefined) && <tr title="Counted, not scaled"><th>samples</th><td class="num">{f?.samples ? formatCount(f.samples[at]!) : ""}</td><td class="num">{samples !== undefined ? formatCount(samples) : ""}</td><td class="num dim">raw</td></tr>}
					{base && f?.baseTotal && <tr><th>before</th><td class="num">{shown(f.baseTotal[at]!)}</td><td class="num" /><td /></tr>}
					{base && f?.baseTotal && <tr><th>change</th><td class={`num ${f.total[at]! >= f.baseTotal[at]! ? "more" : "less"}`}>{delta(f.total[at]! - f.baseTotal[at]!)}</td><td class="num dim" colSpan={2}>{formatChange(f.total[at]!, f.baseTotal[at]!)}</td></tr>}
				</tbody>
			</table>
			{row && <Edges title="Callers" edges={row.callers} whole={row.cum} />}
			{row && <Edges title="Callees" edges={row.callees} whole={row.cum} />}
			{peek.error && <p class="note">{peek.error.status === 404 ? "No sample with this function is left by the filters." : visible(peek.error.message)}</p>}
			{row && <HotLines name={name} />}
			<div class="row-actions foot">
				<button class="link" onClick={() => addTransform("focus-function", name)}>Focus</button>
				<button class="link" onClick={() => addTransform("hide-function", name)}>Hide</button>
				<button class="link" onClick={() => addTransform("drop-function", name)}>Drop</button>
				<button class="link" onClick={() => copyText(name, "the name")}>Copy name</button>
			</div>
		</>
	);
}

function Edges({ title, edges, whole }: { title: string; edges: PeekEdge[]; whole: number }) {
	if (edges.length === 0) return null;
	const most = edges.slice(0, 7);
	return (
		<section>
			<h3>{title}</h3>
			<ul class="edges">
				{most.map((e) => (
					<li key={e.name}>
						<button onClick={() => navigate({ fn: e.name, node: -1 })} title={visible(e.name)}>
							<Bar share={e.value / (whole || 1)} text={formatPercent(e.value, whole)} /><Name name={e.name} />
						</button>
					</li>
				))}
			</ul>
			{edges.length > most.length && <div class="dim small-note">and {formatCount(edges.length - most.length)} more</div>}
		</section>
	);
}

/** Ten lines around the hottest one. */
function HotLines({ name }: { name: string }) {
	const r = route.value;
	const answer = useJSON<ListAnswer>(listUrl(r, name));
	const f = answer.data?.functions.find((x) => x.name === name) ?? answer.data?.functions[0];
	if (!f || f.lines.length === 0) return null;
	if (f.missing) return <section><h3>Source</h3><p class="small-note dim">{missingText(f.missing)}</p></section>;
	let best = 0;
	f.lines.forEach((l, k) => {
		const b = f.lines[best]!;
		if (l.flat > b.flat || (l.flat === b.flat && l.cum > b.cum)) best = k;
	});
	const from = Math.max(0, Math.min(best - 4, f.lines.length - 10));
	const lines = f.lines.slice(from, from + 10);
	const hottest = Math.max(...f.lines.map((l) => l.cum));
	const indent = Math.min(...lines.filter((l) => l.text.trim()).map((l) => /^\t*/.exec(l.text)![0].length));
	const where = f.path ?? f.file;
	return (
		<section>
			<h3>Hottest lines <button class="link" onClick={() => navigate({ view: "source", fn: name })}>all</button></h3>
			<div class="mini-source">
				{lines.map((l) => (
					<button key={l.n} class={`mini-line heat-${heat(l.cum, hottest)}`} onClick={() => openInEditor(where, l.n)} title={`${openLabel()}, line ${l.n}`}>
						<span class="mini-cost">{l.cum ? shown(l.cum) : ""}</span><span class="mini-no">{l.n}</span>
						<span class="code">{visible(l.text.slice(Number.isFinite(indent) ? indent : 0).replaceAll("\t", "  "))}</span>
					</button>
				))}
			</div>
		</section>
	);
}

/** A frame that is no function: a label value, or the sum of frames too small to draw. */
function FrameFacts({ hit }: { hit: Hit }) {
	const f = hit.tree.frames;
	const rows: [string, number, number][] = [["self", f.self[hit.index]!, f.info.total], ["total", f.total[hit.index]!, f.info.total]];
	if (f.baseTotal) rows.push(["before", f.baseTotal[hit.index]!, f.info.base_total ?? 0]);
	return (
		<>
			<h2 class="ins-name">{visible(hit.tree.nameOf(hit.index).name)}</h2>
			<table class="facts">
				<tbody>
					{rows.map(([k, v, whole]) => <tr key={k}><th>{k}</th><td class="num">{shown(v)}</td><td class="num dim">{formatPercent(v, whole)}</td></tr>)}
					{f.samples && <tr><th>samples</th><td class="num">{formatCount(f.samples[hit.index]!)}</td><td class="num dim">raw</td></tr>}
				</tbody>
			</table>
		</>
	);
}

/** What was taken together with it, or else opened: a newcomer sees what there is to look at. */
export function AlsoOpen({ d }: { d: Doc }) {
	const others = documents.value.filter((o) => o.id !== d.id && (o.group ?? "") === (d.group ?? ""));
	if (others.length === 0) return null;
	const most = others.slice(0, 16);
	return (
		<section>
			<h3>{d.group ? "In the same capture" : "Also open"}</h3>
			<ul class="edges types">
				{most.map((o) => (
					<li key={o.id}>
						<button onClick={() => openDoc(o.id)} title={visible(o.title || o.name)}>
							<span class="type-total">{sizeOf(o)}</span><span class="name">{visible(baseName(o.name))}</span>
						</button>
					</li>
				))}
			</ul>
			{others.length > most.length && <div class="dim small-note">and {formatCount(others.length - most.length)} more</div>}
		</section>
	);
}

/** What a document is about, in a number: how many goroutines, a trace of 5 s, the total of its usual value. */
function sizeOf(d: Doc): string {
	if (d.kind === "goroutines" && d.goroutines) return formatCount(d.goroutines);
	if (d.kind === "trace") return d.duration_ns ? formatDuration(d.duration_ns) : "";
	const at = (d.sample_types ?? []).findIndex((t) => t.type === d.default_type);
	const type = d.sample_types?.[at];
	return type && d.total ? formatValue(d.total[at] ?? 0, type.unit) : "";
}

/** Nothing selected: the document itself. */
function DocumentFacts() {
	const d = doc.value;
	if (!d) return null;
	const types = d.sample_types ?? [];
	const rows: [string, string][] = [];
	if (d.main_module) rows.push(["module", visible(d.main_module)]);
	if (d.go_version) rows.push(["Go", visible(d.go_version)]);
	if (rawSamples.value) rows.push(["samples", `${formatCount(rawSamples.value)} raw`]);
	if (d.labels?.length) rows.push(["labels", d.labels.map(visible).join(", ")]);
	return (
		<>
			<h2 class="ins-name">{visible(d.title || d.name)}</h2>
			<div class="dim path">{visible(d.name)}</div>
			<table class="facts wide"><tbody>{rows.map(([k, v]) => <tr key={k}><th>{k}</th><td>{v}</td></tr>)}</tbody></table>
			{types.length > 0 && (
				<section>
					<h3>Sample types</h3>
					<ul class="edges types">
						{types.map((t, k) => (
							<li key={t.type}>
								<button aria-pressed={sampleType.value?.type === t.type} onClick={() => navigate({ type: t.type })}>
									<span class="type-total">{d.total ? formatValue(d.total[k] ?? 0, t.unit) : ""}</span><span class="name">{visible(t.type)}</span>
								</button>
							</li>
						))}
					</ul>
				</section>
			)}
			<AlsoOpen d={d} />
			{d.warnings?.length ? <section><h3>Warnings</h3>{d.warnings.map((w, k) => <p class="note" key={k}>{visible(w)}</p>)}</section> : null}
			<p class="dim hint">Click a frame or a row: its cost, callers, callees and lines appear here. <kbd>?</kbd> shows all keys.</p>
		</>
	);
}
