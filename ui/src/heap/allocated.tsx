// Where what is alive was allocated: by the objects that the program itself sampled for its heap profile, so all numbers are estimates.

import { useMemo } from "preact/hooks";
import type { HeapObject, HeapPlace, HeapPlaces } from "../api/heap";
import { formatCount, formatPercent, formatValue } from "../lib/format";
import { baseName, visible } from "../lib/names";
import { Bar, Name } from "../panels/cells";
import { Stack } from "../panels/stack";
import { Empty, ErrorState, Loading } from "../panels/states";
import { VirtualTable, type Column } from "../panels/table";
import { openInEditor, openLabel } from "../state/actions";
import { useJSON } from "../state/answer";
import { searchRegExp } from "../state/query";
import { navigate, route } from "../state/route";
import { sortRows } from "../views/table";
import { heapSpellings, kindOf, placesUrl, showType } from "./ask";

const bytes = (n: number) => formatValue(n, "bytes", route.value.unit);
/** What a function allocated that is in use, as a flame graph or line by line. */
export const showAllocations = (view: "flame" | "source", fn: string) => navigate({ view, type: "inuse_space", fn, object: "", node: -1, root: 0, query: "", transforms: [] });

function Calls({ at }: { at: HeapPlace["allocated_at"] }) {
	return <Stack frames={at.map((f) => ({ name: f.function, file: f.file, line: f.line }))} hint="what it allocated, as a flame graph" pick={(name) => showAllocations("flame", name)} source={(name) => showAllocations("source", name)} />;
}

/** Of one object: absent in answers of engines that do not know. */
export function ObjectAllocation({ o }: { o: HeapObject }) {
	if (!o.allocations) return null;
	return (
		<section class="allocated">
			<h3 title="The program samples few of its allocations for its heap profile">Allocated at</h3>
			{o.allocations.length === 0 ? (
				<p class="dim small-note">Not one of those that the program sampled. {o.object.type && <button class="link" onClick={() => showType(o.object.type!)}>Where its type is allocated</button>}</p>
			) : o.allocations.map((a, k) => <Calls key={k} at={a.stack} />)}
		</section>
	);
}

const placeOf = (p: HeapPlace) => `${visible(baseName(p.file))}:${p.line}`;

/** The lines that allocate a type's objects. */
export function TypeAllocation({ type }: { type: string }) {
	const all = useJSON<HeapPlaces>(placesUrl());
	const found = (all.data?.places ?? [])
		.map((p) => ({ p, bytes: p.types.find((t) => t.name === type)?.live_bytes ?? 0 })).filter((x) => x.bytes > 0).sort((a, b) => b.bytes - a.bytes);
	const most = found[0]?.bytes ?? 1;
	return (
		<section class="allocated">
			<h3 title="Estimated from the objects that the program sampled when it allocated them">Allocated at<span>{found.length ? "estimated" : ""}</span></h3>
			{all.error ? <p class="dim small-note">{visible(all.error.message)}</p> : all.data && found.length === 0 ? <p class="dim small-note">None of its objects was sampled when it was allocated.</p> : (
				<ul class="edges">
					{found.slice(0, 6).map(({ p, bytes: b }, k) => (
						<li key={k}>
							<button title={`${visible(p.function)} ${visible(p.file)}:${p.line}: what it allocated, as a flame graph`} onClick={() => showAllocations("flame", p.function)}>
								<Bar share={b / most} text={bytes(b)} tone="plain" /><span class="name"><Name name={p.function} /> <span class="dim">{placeOf(p)}</span></span>
							</button>
						</li>
					))}
				</ul>
			)}
			{found.length > 6 && <p class="dim small-note">and {formatCount(found.length - 6)} more</p>}
		</section>
	);
}

const fields: Record<string, (p: HeapPlace) => number | string> = { live: (p) => p.live_bytes, count: (p) => p.count, samples: (p) => p.samples, name: (p) => p.function };
const keyOf = (p: HeapPlace) => `${p.function} ${p.file}:${p.line} ${p.library_function}`;

function Shares({ list }: { list: HeapPlace["types"] }) {
	return <>{list.map((s, k) => <span key={k}>{k ? ", " : ""}<button class="link" title={`${visible(s.name)}: about ${bytes(s.live_bytes)}`} onClick={(e) => { e.stopPropagation(); navigate({ list: kindOf(s.name) ? "holders" : "types", fn: s.name, sort: "" }); }}>{heapSpellings(s.name)[0]}</button></span>)}</>;
}

/** The list of the heap's overview. */
export function Places() {
	const r = route.value;
	const answer = useJSON<HeapPlaces>(placesUrl());
	const found = useMemo(() => searchRegExp(r.query), [r.query]);
	const sort = r.sort && fields[r.sort.replace(/^-/, "")] ? r.sort : "-live";
	const rows = useMemo(() => sortRows((answer.data?.places ?? []).filter((p) => !found || found.test(p.function) || found.test(p.file) || p.types.some((t) => found.test(t.name))), sort, (p, k) => fields[k]!(p)), [answer.data, sort, found]);
	if (answer.error) return answer.error.status === 404 ? <Empty title="Nothing is known of its allocations">{visible(answer.error.message)}</Empty> : <ErrorState error={answer.error} />;
	if (!answer.data) return <Loading what="Joining what is alive with its allocations…" />;
	if (rows.length === 0) return <Empty title={found ? "No place matches" : "No live object was sampled"}>{found ? <button class="link" onClick={() => navigate({ query: "" })}>Clear the search</button> : "The program samples one of its allocations now and then; none of those is alive."}</Empty>;
	const of = answer.data.estimated_bytes || 1;
	const columns: Column<HeapPlace>[] = [
		{ key: "live", title: "Live, about", track: "104px", numeric: true, hint: "Estimated from the sampled objects that are alive", cell: (p) => bytes(p.live_bytes) },
		{ key: "live", title: "%", track: "92px", numeric: true, sortable: false, wide: 820, cell: (p) => <Bar share={p.live_bytes / of} text={formatPercent(p.live_bytes, of)} /> },
		{ key: "count", title: "Objects, about", track: "112px", numeric: true, wide: 1000, cell: (p) => formatCount(p.count) },
		{ key: "samples", title: "Samples", track: "76px", numeric: true, wide: 700, hint: "Objects that were really sampled: few of them are a guess", cell: (p) => formatCount(p.samples) },
		{ key: "name", title: "Allocated at", track: "minmax(200px, 1.4fr)", cell: (p) => <><Name name={p.function} /><button class="link mono place" title={`${visible(p.file)}:${p.line}: ${openLabel()}`} onClick={(e) => { e.stopPropagation(); void openInEditor(p.file, p.line); }}>{placeOf(p)}</button></> },
		{ key: "types", title: "Types", track: "minmax(120px, 1fr)", sortable: false, cell: (p) => <span class="name"><Shares list={p.types} /></span> },
		{ key: "kept", title: "Kept by", track: "minmax(120px, 1fr)", sortable: false, hint: "What retains it", cell: (p) => <span class="name"><Shares list={p.kept_by} /></span> },
	];
	return (
		<>
			<VirtualTable
				label="Where what is alive was allocated" columns={columns} rows={rows} keyOf={keyOf} selected={rows.filter((p) => p.function === r.fn).map(keyOf)[0] ?? ""} rowClass={(p) => (p.function === r.fn ? "selected" : "")} sort={sort} onSort={(x) => navigate({ sort: x })}
				onSelect={(p) => navigate({ fn: p.function, object: "", node: -1 }, "replace")} onOpen={(p) => showAllocations("flame", p.function)}
			/>
			<p class="foot-note dim">{formatCount(answer.data.samples)} live objects were sampled when they were allocated, one in {bytes(answer.data.sample_rate_bytes)}. They stand for about {bytes(answer.data.estimated_bytes)}; {bytes(answer.data.live_bytes)} are alive.</p>
		</>
	);
}

/** In the inspector: a function that allocates. */
export function PlaceFacts({ name }: { name: string }) {
	const all = useJSON<HeapPlaces>(placesUrl());
	const mine = all.data?.places.filter((p) => p.function === name) ?? [];
	return (
		<>
			<h2 class="ins-name" title={visible(name)}><Name name={name} /></h2>
			<div class="row-actions">
				<button class="button small" title="What it allocated that is in use, as a flame graph" onClick={() => showAllocations("flame", name)}>Flame graph</button>
				<button class="button small" onClick={() => showAllocations("source", name)}>Source</button>
			</div>
			{mine.map((p) => (
				<section key={keyOf(p)}>
					<h3>{placeOf(p)}<span>about {bytes(p.live_bytes)}</span></h3>
					<Calls at={p.allocated_at} />
				</section>
			))}
		</>
	);
}
