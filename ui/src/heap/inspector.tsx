// The selected thing of a heap: an object, a type, what holds something; else the heap itself.

import type { HeapFound, HeapHolders, HeapNode, HeapObject, HeapPaths, HeapSummary } from "../api/heap";
import type { PeekAnswer } from "../api/types";
import { formatCount, formatDuration, formatPercent, formatValue } from "../lib/format";
import { baseName, visible } from "../lib/names";
import { Bar } from "../panels/cells";
import { CloseIcon } from "../panels/icons";
import { copyText, openInEditor, openLabel } from "../state/actions";
import { useJSON } from "../state/answer";
import { navigate, route } from "../state/route";
import { doc, setSetting } from "../state/session";
import { peekUrl } from "../views/urls";
import { ObjectAllocation, PlaceFacts, TypeAllocation } from "./allocated";
import { heapPackage, heapSpellings, holdersUrl, isType, kindOf, objectsUrl, objectUrl, showObject, showType, summaryUrl, topUrl, whyUrl } from "./ask";

const bytes = (n: number) => formatValue(n, "bytes", route.value.unit);

export function HeapInspector() {
	const r = route.value;
	// What the references are about is what one looks at until something else is selected.
	const around = r.view === "refs" && !r.fn ? r.around : "";
	const aroundObject = /^0x/.test(around) ? around : "";
	const aroundType = aroundObject ? "" : around;
	return (
		<aside class="inspector" aria-label="Inspector">
			<button class="icon corner" title="Hide the inspector (p)" aria-label="Hide the inspector" onClick={() => setSetting("inspector", false)}><CloseIcon /></button>
			{r.object || aroundObject ? <ObjectFacts address={r.object || aroundObject} /> : r.fn && r.view === "heap" && r.list === "places" ? <PlaceFacts name={r.fn} /> : !r.fn && aroundType ? <TypeFacts name={aroundType} /> : !r.fn ? <HeapFacts /> : isType(r.fn) ? <TypeFacts name={r.fn} /> : <HolderFacts name={r.fn} />}
		</aside>
	);
}

function Title({ name, below }: { name: string; below: string }) {
	const all = heapSpellings(name);
	return <><h2 class="ins-name" title={visible(name)}>{all[kindOf(name) ? 1 : 0] ?? visible(name)}</h2><div class="dim path">{below}</div></>;
}

function Wrong({ text }: { text: string }) {
	return <p class="note bad" role="alert">{visible(text)}</p>;
}

function useWhole(): number {
	return useJSON<HeapSummary>(summaryUrl()).data?.live_bytes ?? 0;
}

function Node({ n, whole }: { n: HeapNode; whole: number }) {
	const name = n.type ?? n.holder ?? "";
	return (
		<li>
			<button onClick={() => (n.address ? showObject(n.address) : showType(name))} title={`${visible(name)}${n.address ? ` at ${n.address}` : ""}: retains ${bytes(n.retained_bytes)}`}>
				<Bar share={n.retained_bytes / (whole || 1)} text={bytes(n.retained_bytes)} tone={n.address ? "cost" : "plain"} />
				<span class="name">{n.field && <span class="dim mono field">{visible(n.field)} </span>}{heapSpellings(name)[0]}</span>
			</button>
		</li>
	);
}

/** What is in it, as far as the engine could read it. Texts come cut. */
function Fields({ o }: { o: HeapObject }) {
	if (!o.fields?.length) return null;
	const n = o.n_fields ?? o.fields.length;
	return (
		<section>
			<h3>Fields<span>{formatCount(n)}</span></h3>
			<dl class="fields">
				{o.fields.map((f, k) => (
					<div key={k} title={`${visible(f.name)} ${visible(f.type)} = ${visible(f.value)}`}>
						<dt class="mono name">{visible(f.name) || "value"}</dt>
						<dd class="mono name">{f.to ? <button class="link name" onClick={() => showObject(f.to!)}>{visible(f.value) || f.to}</button> : visible(f.value)}</dd>
					</div>
				))}
			</dl>
			{n > o.fields.length && <p class="dim small-note">and {formatCount(n - o.fields.length)} more</p>}
		</section>
	);
}

function Closure({ f }: { f: NonNullable<HeapObject["closure_of"]> }) {
	return (
		<section>
			<h3>Closure of</h3>
			<div class="name" title={visible(f.function)}>{visible(f.function)}</div>
			{f.file ? <button class="link mono place" title={`${visible(f.file)}:${f.line ?? 0}: ${openLabel()}`} onClick={() => void openInEditor(f.file!, f.line ?? 0)}>{visible(baseName(f.file))}:{f.line}</button> : null}
		</section>
	);
}

function NodeList({ title, list, n, whole, hint }: { title: string; list: HeapNode[]; n: number; whole: number; hint?: string }) {
	return (
		<section>
			<h3 title={hint}>{title}<span>{formatCount(n)}</span></h3>
			{n === 0 ? <p class="dim small-note">none</p> : <ul class="edges">{list.map((x, k) => <Node key={k} n={x} whole={whole} />)}</ul>}
			{n > list.length && <p class="dim small-note">and {formatCount(n - list.length)} more</p>}
		</section>
	);
}

function ObjectFacts({ address }: { address: string }) {
	const r = route.value;
	const answer = useJSON<HeapObject>(objectUrl(address));
	const whole = useWhole();
	if (answer.error) return <><h2 class="ins-name mono">{visible(address)}</h2><Wrong text={answer.error.message} /></>;
	if (!answer.data) return <h2 class="ins-name mono">{visible(address)}</h2>;
	const o = answer.data;
	const type = o.object.type ?? "";
	const at = o.object.address ?? address;
	return (
		<>
			<Title name={type} below={at} />
			<div class="row-actions">
				{r.view !== "refs" || r.around !== at ? <button class="button small" title="What points to it, and where it points" onClick={() => navigate({ view: "refs", around: at, opened: [] })}>References</button> : null}
				<button class="button small" title="What it retains, as boxes" onClick={() => navigate({ view: "treemap", heapBy: "object", mapRoot: at, box: -1 })}>Treemap</button>
				<button class="button small" onClick={() => showType(type)}>Type</button>
				<button class="button small" onClick={() => void copyText(at, "the address")}>Copy address</button>
			</div>
			<table class="facts">
				<tbody>
					<tr><th>size</th><td class="num">{bytes(o.object.size_bytes ?? 0)}</td><td class="num dim">{formatPercent(o.object.size_bytes ?? 0, whole)}</td></tr>
					<tr title="What would be freed if it went"><th>retained</th><td class="num">{bytes(o.object.retained_bytes)}</td><td class="num dim">{formatPercent(o.object.retained_bytes, whole)}</td></tr>
				</tbody>
			</table>
			{o.closure_of && <Closure f={o.closure_of} />}
			<Fields o={o} />
			<ObjectAllocation o={o} />
			<section>
				<h3 title="Each of these alone keeps it alive; the last is outside of the heap">Kept alive by<span>{o.retained_by.length ? "" : "several together"}</span></h3>
				<ul class="edges">{o.retained_by.map((n, k) => <Node key={k} n={n} whole={whole} />)}</ul>
			</section>
			{o.n_roots > 0 && (
				<section>
					<h3>Roots that point to it<span>{formatCount(o.n_roots)}</span></h3>
					<ul class="plain-list">{o.roots.map((x, k) => <li key={k} class="name" title={visible(x.name)}><span class="dim">{x.kind}</span> {heapSpellings(x.name)[0]}{x.goroutine !== undefined ? <span class="dim"> of goroutine {x.goroutine}</span> : ""}{x.is_guess ? <span class="tag" title="Every word was looked at: it may be no pointer">guess</span> : ""}</li>)}</ul>
				</section>
			)}
			<NodeList title="Points to it" list={o.from} n={o.n_from} whole={whole} />
			<NodeList title="It points to" list={o.to} n={o.n_to} whole={whole} />
		</>
	);
}

function TypeFacts({ name }: { name: string }) {
	const r = route.value;
	const summary = useJSON<HeapSummary>(summaryUrl());
	const list = useJSON<HeapFound>(objectsUrl(name, 10));
	const why = useJSON<HeapPaths>(whyUrl(name));
	// What is known in two ways stands in two rows; what they retain may be the same.
	const rows = summary.data?.types.filter((x) => x.type === name) ?? [];
	const t = rows[0] && { ...rows[0], count: rows.reduce((n, x) => n + x.count, 0), shallow_bytes: rows.reduce((n, x) => n + x.shallow_bytes, 0) };
	const whole = summary.data?.live_bytes ?? 0;
	const max = why.data?.bytes || 1;
	return (
		<>
			<Title name={name} below={visible(heapPackage(name) || (t?.package ?? ""))} />
			<div class="row-actions">
				{(r.view !== "refs" || r.around !== name) && <button class="button small" title="How its objects are connected with others, by type" onClick={() => navigate({ view: "refs", around: name, opened: [] })}>References</button>}
				{r.view !== "flame" && <button class="button small" title="Where it stands among what retains the heap" onClick={() => navigate({ view: "flame", type: "", query: `^${name.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")}$`, mode: "highlight" })}>Icicle</button>}
				<button class="button small" onClick={() => navigate({ view: "heap", list: "objects", sort: "", query: "" })}>All objects</button>
			</div>
			{t && (
				<table class="facts">
					<tbody>
						<tr><th>objects</th><td class="num">{formatCount(t.count)}</td><td class="num dim" /></tr>
						<tr><th>shallow</th><td class="num">{bytes(t.shallow_bytes)}</td><td class="num dim">{formatPercent(t.shallow_bytes, whole)}</td></tr>
						<tr title="What would be freed if all of them went"><th>retained</th><td class="num">{rows.length > 1 ? "≥ " : ""}{bytes(t.retained_bytes)}</td><td class="num dim">{formatPercent(t.retained_bytes, whole)}</td></tr>
						{t.size_bytes > 0 && <tr><th>one value</th><td class="num">{bytes(t.size_bytes)}</td><td class="num dim" /></tr>}
					</tbody>
				</table>
			)}
			<section>
				<h3 title="Shortest ways from outside of the heap, equal ones merged">Why they are alive</h3>
				{why.error ? <Wrong text={why.error.message} /> : (
					<ul class="edges ways">
						{why.data?.steps.map((s) => (
							<li key={s.id}><button onClick={() => showType(s.name)} title={`${visible(s.name)}: ${formatCount(s.count)} objects, ${bytes(s.bytes)}`}><Bar share={s.bytes / max} text={bytes(s.bytes)} tone="plain" /><span class="name" style={{ paddingLeft: `${Math.min(8, s.depth - 1) * 9}px` }}>{heapSpellings(s.name)[0]}</span></button></li>
						))}
					</ul>
				)}
			</section>
			<TypeAllocation type={name} />
			<section>
				<h3>Largest<span>{list.data ? formatCount(list.data.n_objects) : ""}</span></h3>
				<ul class="edges">{list.data?.objects.map((o) => <li key={o.address}><button onClick={() => showObject(o.address)}><Bar share={o.retained_bytes / (whole || 1)} text={bytes(o.retained_bytes)} /><span class="name mono">{o.address}</span></button></li>)}</ul>
			</section>
		</>
	);
}

function HolderFacts({ name }: { name: string }) {
	const r = route.value;
	const answer = useJSON<HeapHolders>(holdersUrl());
	const all = answer.data?.holders.filter((h) => h.name === name) ?? [];
	const whole = answer.data?.of_bytes ?? 0;
	const sum = all.reduce((n, h) => n + h.retained_bytes, 0);
	const count = all.reduce((n, h) => n + h.retained_count, 0);
	const kind = kindOf(name);
	const code = useJSON<PeekAnswer>(kind === "goroutine" || kind === "frame" ? peekUrl(r, name) : null);
	const place = code.data?.rows.find((x) => x.name === name);
	return (
		<>
			<Title name={name} below={kind === "var" ? "package-level variable" : kind === "goroutine" ? "goroutines by their first function" : kind === "frame" ? "frames of this function" : "outside of the heap"} />
			{place?.file ? (
				<div class="row-actions">
					<button class="button small" title={visible(`${place.file}:${place.line ?? 0}`)} onClick={() => void openInEditor(place.file!, place.line ?? 0)}>{openLabel()}</button>
					{r.view !== "source" && <button class="button small" title={kind === "frame" ? "The lines whose frames hold it" : "The function that they began with"} onClick={() => navigate({ view: "source", type: "" })}>Source</button>}
				</div>
			) : null}
			{answer.error && <Wrong text={answer.error.message} />}
			{name === "held by several" ? <p class="small-note">No single variable, goroutine or frame retains this: at least two of them lead to it. The references of one object tell which.</p> : (
				<table class="facts">
					<tbody>
						<tr title="What it alone keeps alive"><th>retained</th><td class="num">{bytes(sum)}</td><td class="num dim">{formatPercent(sum, whole)}</td></tr>
						<tr><th>objects</th><td class="num">{formatCount(count)}</td><td class="num dim" /></tr>
						{kind === "goroutine" && <tr><th>goroutines</th><td class="num">{formatCount(all.length)}</td><td class="num dim">that retain something</td></tr>}
					</tbody>
				</table>
			)}
			{all.some((h) => h.gathers_in) && (
				<section>
					<h3 title="The last object on the way down that has at least half of it">Gathers in</h3>
					<ul class="edges">{all.filter((h) => h.gathers_in).slice(0, 10).map((h, k) => <Node key={k} n={{ address: h.gathers_in!.address, type: h.gathers_in!.type, retained_bytes: h.gathers_in!.retained_bytes }} whole={whole} />)}</ul>
				</section>
			)}
			{kind === "goroutine" && all.length > 0 && (
				<section>
					<h3>Goroutines</h3>
					<ul class="plain-list">{all.slice(0, 20).map((h, k) => <li key={k}><b>{h.goroutine?.id}</b> <span class="dim">{visible(h.goroutine?.wait_reason || "running or ready")}{h.goroutine && h.goroutine.wait_ns > 0 ? `, ${formatDuration(h.goroutine.wait_ns)}` : ""}</span> {bytes(h.retained_bytes)}</li>)}</ul>
					{all.length > 20 && <p class="dim small-note">and {formatCount(all.length - 20)} more</p>}
				</section>
			)}
			<div class="row-actions">
				{r.view !== "treemap" && <button class="link" onClick={() => navigate({ view: "treemap", heapBy: "name", mapRoot: "", box: -1, query: "" })}>Treemap</button>}
				{r.view !== "flame" && <button class="link" onClick={() => navigate({ view: "flame", type: "" })}>Icicle</button>}
			</div>
		</>
	);
}

function HeapFacts() {
	const s = useJSON<HeapSummary>(summaryUrl());
	const held = useJSON<HeapPaths>(topUrl());
	const d = doc.value;
	return (
		<>
			<h2 class="ins-name">{visible(d?.title || d?.name || "")}</h2>
			<section>
				<h3>Who retains most</h3>
				<ul class="edges">{held.data?.steps.map((s) => <Node key={s.id} n={{ holder: s.name, retained_bytes: s.bytes }} whole={held.data!.of_bytes} />)}</ul>
			</section>
			<section>
				<h3>Most bytes by type</h3>
				<ul class="edges">{s.data && [...s.data.types].sort((a, b) => b.shallow_bytes - a.shallow_bytes).slice(0, 10).map((t) => <li key={t.type}><button onClick={() => showType(t.type)} title={visible(t.type)}><Bar share={t.shallow_bytes / s.data!.live_bytes} text={bytes(t.shallow_bytes)} tone="plain" /><span class="name">{heapSpellings(t.type)[0]}</span></button></li>)}</ul>
			</section>
			<p class="dim hint">Retained is what would be freed if the thing went. Click anything to see what keeps it alive.</p>
		</>
	);
}
