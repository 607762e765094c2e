// A flame graph on the page: asks the engine for frames, owns a chart, ties it to the selection.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { answers, changes, getFrames } from "../api/client";
import { NodeFlag } from "../api/frames";
import { formatChange, formatCount, formatDelta, formatPercent, formatValue } from "../lib/format";
import { visible } from "../lib/names";
import { Empty, ErrorState, Loading } from "../panels/states";
import { searchRegExp } from "../state/query";
import { useFrames } from "../state/answer";
import { navigate, route } from "../state/route";
import { dark, setRawSamples, settings, status, sampleType } from "../state/session";
import { keyTarget, menu, say, selectedHit } from "../state/ui";
import { FlameChart, type Hit } from "./chart";
import { uncertain } from "./picture";
import { FlameTree } from "./tree";

interface Props {
	/** the question without root and min */
	url: string;
	label: string;
	up?: boolean;
	diff?: boolean;
	/** the main graph of a view keeps focus and zoom in the URL; others keep them to themselves */
	main?: boolean;
}

interface Tip { hit: Hit; x: number; y: number }

export function describe(hit: Hit, unit: string): string {
	const { tree, index } = hit;
	const f = tree.frames;
	const name = visible(tree.nameOf(index).name);
	const u = f.info.unit;
	const share = formatPercent(f.total[index]!, f.info.total);
	const base = f.baseTotal
		? `, change ${formatDelta(f.total[index]! - f.baseTotal[index]!, u, unit)} (${formatChange(f.total[index]!, f.baseTotal[index]!)})`
		: "";
	return `${name} · total ${formatValue(f.total[index]!, u, unit)} (${share}), self ${formatValue(f.self[index]!, u, unit)}${base}`;
}

function zoomOf(text: string): [number, number] {
	const m = /^([\d.]+)-([\d.]+)$/.exec(text);
	const from = m ? Number(m[1]) : 0;
	const to = m ? Number(m[2]) : 1;
	return from >= 0 && to <= 1 && from < to ? [from, to] : [0, 1];
}

export function FlamePane({ url, label, up = false, diff = false, main = false }: Props) {
	const host = useRef<HTMLDivElement>(null);
	const chart = useRef<FlameChart | null>(null);
	const [tip, setTip] = useState<Tip | null>(null);
	const [localRoot, setLocalRoot] = useState(0);
	const r = route.value;
	const root = main ? r.root : localRoot;
	const pixels = useMemo(() => Math.ceil(Math.max(800, innerWidth) / 400) * 400, []);
	const full = `${url}&min=${(0.5 / pixels).toPrecision(3)}${root ? `&root=${root}` : ""}&format=frames`;
	const answer = useFrames(full);
	const tree = useMemo(() => (answer.data ? new FlameTree(answer.data, root) : null), [answer.data]);
	/** the question that the tree in the chart answers */
	const shown = useRef({ url: "", root: 0 });
	const wantedUrl = useRef(url);
	wantedUrl.current = url;
	const rootNow = useRef(root);
	rootNow.current = root;
	const setRoot = useRef((_id: number) => {});
	setRoot.current = (id) => (main ? navigate({ root: id }) : setLocalRoot(id));

	useEffect(() => setLocalRoot(0), [url]);

	useEffect(() => {
		const element = host.current;
		if (!element) return;
		let refineUrl = "";
		let hovered: Hit | null = null;
		const c = new FlameChart(element, settings.peek().renderer, {
			select(hit, walking) {
				if (!hit) {
					navigate({ fn: "", node: -1 });
					return;
				}
				const f = hit.tree.frames;
				const pseudo = f.flags[hit.index]! & (NodeFlag.Label | NodeFlag.Smaller);
				const isRoot = f.parent[hit.index] === 0xffffffff;
				const name = pseudo || isRoot ? "" : hit.tree.nameOf(hit.index).name;
				navigate({ fn: name, node: main ? f.id[hit.index]! : -1 }, walking ? "replace" : "push");
				if (!main) c.setSelection(f.id[hit.index]!, name);
				status.value = describe(hit, route.peek().unit);
			},
			focus(hit) {
				const f = hit.tree.frames;
				if (f.flags[hit.index]! & NodeFlag.Smaller) return;
				const id = f.id[hit.index]!;
				const isRoot = f.parent[hit.index] === 0xffffffff;
				setRoot.current(isRoot ? 0 : id);
			},
			menu(hit, x, y) {
				const name = hit.tree.nameOf(hit.index);
				menu.value = {
					x, y, name: name.name, node: hit.tree.frames.id[hit.index]!, file: name.file, line: name.line,
					path: hit.tree.path(hit.index).map((i) => hit.tree.nameOf(i).name),
				};
			},
			hover(hit) {
				if (hit?.index === hovered?.index && hit?.tree === hovered?.tree && !hit) return;
				hovered = hit;
				if (!hit) {
					setTip(null);
					return;
				}
				const box = element.getBoundingClientRect();
				setTip({ hit, x: box.left + hit.x, y: box.top + hit.y });
			},
			moved(from, to) {
				// Another graph is on its way: places in the old one mean nothing in it.
				if (shown.current.url !== wantedUrl.current || shown.current.root !== rootNow.current) return;
				const all = from <= 1e-9 && to >= 1 - 1e-9;
				if (main) navigate({ zoom: all ? "" : `${from.toPrecision(8)}-${to.toPrecision(8)}` }, "replace");
			},
			unfound() {
				say("No match is wide enough to be drawn here: zoom in, or press x to keep only samples with one");
			},
			refine(id, least) {
				const wanted = `${wantedUrl.current}&min=${least.toPrecision(3)}&root=${id}&format=frames`;
				const mark = `${wanted} ${changes.peek()}`;
				if (mark === refineUrl) return;
				refineUrl = mark;
				const asked = wantedUrl.current;
				const hit = answers.get(wanted);
				const use = (frames: Parameters<typeof apply>[0]) => {
					if (asked === wantedUrl.current && refineUrl === mark) apply(frames, id);
				};
				if (hit) use(hit as Parameters<typeof apply>[0]);
				else
					getFrames(wanted).then((frames) => {
						answers.set(wanted, frames);
						use(frames);
					}, () => (refineUrl = ""));
			},
		});
		const apply = (frames: Awaited<ReturnType<typeof getFrames>>, id: number) => c.setLayer(new FlameTree(frames, id), id);
		chart.current = c;
		const target = {
			key: (event: KeyboardEvent) => c.key(event),
			back: () => {
				if (c.zoomed) {
					c.showAll();
					return true;
				}
				if (rootNow.current) {
					setRoot.current(0);
					return true;
				}
				return false;
			},
		};
		const take = () => (keyTarget.value = target);
		if (main || !keyTarget.peek()) take();
		element.addEventListener("focus", take);
		element.addEventListener("pointerenter", take);
		return () => {
			element.removeEventListener("focus", take);
			element.removeEventListener("pointerenter", take);
			if (keyTarget.peek() === target) keyTarget.value = null;
			c.release();
			chart.current = null;
		};
	}, []);

	useEffect(() => {
		chart.current?.chooseRenderer(settings.value.renderer);
		if (chart.current) chart.current.wheelZooms = settings.value.wheelZooms;
	}, [settings.value]);
	useEffect(() => chart.current?.setTheme(dark.value), [dark.value]);

	useEffect(() => {
		const keepScroll = shown.current.url === url;
		shown.current = { url, root };
		chart.current?.setTree(tree, { up, diff, zoom: main ? zoomOf(route.peek().zoom) : [0, 1], keepScroll });
		if (main && tree) setRawSamples(tree.frames.info.samples);
		if (main) selectedHit.value = chart.current?.selectedHit() ?? null;
	}, [tree, diff]);
	useEffect(() => chart.current?.setUp(up), [up]);

	// Effects come after a frame, and keys may have come in between: what counts is the route of now, not that of the rendering.
	// Back and forward change the zoom of the same tree.
	useEffect(() => {
		if (main) chart.current?.setZoom(zoomOf(route.peek().zoom));
	}, [r.zoom, tree]);

	useEffect(() => {
		const re = r.mode === "highlight" ? searchRegExp(r.query) : null;
		chart.current?.setFound(re ? (name) => re.test(name) : null);
	}, [r.query, r.mode]);

	useEffect(() => {
		const now = route.peek();
		chart.current?.setSelection(main ? now.node : -1, now.fn);
		if (main) selectedHit.value = now.node >= 0 || now.root ? (chart.current?.selectedHit() ?? null) : null;
	}, [r.node, r.fn, tree]);

	const nothing = tree !== null && (tree.count === 0 || tree.fullWidth === 0);
	return (
		<div class="flame-pane">
			<div
				ref={host} class={`canvas-host ${answer.loading && answer.data ? "stale" : ""}`} tabIndex={0} role="application"
				aria-label={`${label}. Arrow keys walk frames, Enter focuses, the Tree view holds the same frames as a tree grid.`}
				aria-roledescription="flame graph" aria-describedby="status" aria-busy={answer.loading}
			/>
			{answer.error && <div class="over"><ErrorState error={answer.error} {...(root ? { retry: () => setRoot.current(0) } : {})} /></div>}
			{!answer.data && answer.loading && <div class="over"><Loading what="Reading the profile…" /></div>}
			{nothing && !answer.error && <div class="over"><NoSamples /></div>}
			{tip && !menu.value && <FrameTip tip={tip} />}
		</div>
	);
}

export function NoSamples() {
	const r = route.value;
	const filtered = r.transforms.length > 0 || r.labels.length > 0 || (r.mode === "filter" && r.query) || r.filter || r.range || r.goroutines.length > 0 || r.starters.length > 0;
	const type = sampleType.value?.type ?? "";
	return filtered ? (
		<Empty title="No sample is left">
			The filters above leave nothing of this profile.{" "}
			<button class="link" onClick={() => navigate({ transforms: [], labels: [], query: "", filter: "", range: "", goroutines: [], starters: [] })}>Remove all filters</button>
		</Empty>
	) : type === "delay" || type === "contentions" ? (
		<Empty title="No samples in this profile" command={"runtime.SetBlockProfileRate(10_000)   // block: one wait of each 10 µs\nruntime.SetMutexProfileFraction(100)  // mutex: one contention of 100"}>
			Block and mutex profiles stay empty until the program asks for them, or while nothing waits. An execution trace shows waiting without that.
		</Empty>
	) : (
		<Empty title="No samples in this profile" command="gospect record --duration 30s PID">
			The program did nothing that this profile measures while it was taken. Record again under load, or choose another sample type.
		</Empty>
	);
}

function FrameTip({ tip }: { tip: Tip }) {
	const { tree, index } = tip.hit;
	const f = tree.frames;
	const name = tree.nameOf(index);
	const u = f.info.unit;
	const unit = route.value.unit;
	const whole = f.info.total;
	const flags = f.flags[index]!;
	const notes = [
		flags & NodeFlag.Inlined ? "inlined" : "", flags & NodeFlag.Runtime ? "runtime" : "", flags & NodeFlag.Kernel ? "kernel" : "",
		flags & NodeFlag.Native ? "native" : "", uncertain(tree, index) ? "too few samples to tell" : "", flags & NodeFlag.Truncated ? "stack cut off" : "", flags & NodeFlag.Label ? "label" : "",
	].filter(Boolean).join(" · ");
	const left = Math.min(tip.x + 14, innerWidth - 380);
	const below = tip.y + 150 < innerHeight;
	const style = { left: `${Math.max(8, left)}px`, ...(below ? { top: `${tip.y + 18}px` } : { bottom: `${innerHeight - tip.y + 12}px` }) };
	const total = f.total[index]!;
	const baseTotal = f.baseTotal?.[index];
	return (
		<div class="tip" style={style} role="presentation">
			<div class="tip-name">{visible(name.name)}</div>
			<dl>
				<dt>total</dt><dd>{formatValue(total, u, unit)}</dd><dd class="dim">{formatPercent(total, whole)}</dd>
				<dt>self</dt><dd>{formatValue(f.self[index]!, u, unit)}</dd><dd class="dim">{formatPercent(f.self[index]!, whole)}</dd>
				{baseTotal !== undefined && <><dt>base</dt><dd>{formatValue(baseTotal, u, unit)}</dd><dd class="dim">{formatPercent(baseTotal, f.info.base_total ?? 0)}</dd></>}
				{baseTotal !== undefined && <><dt>change</dt><dd class={total >= baseTotal ? "more" : "less"}>{formatDelta(total - baseTotal, u, unit)}</dd><dd class="dim">{formatChange(total, baseTotal)}</dd></>}
				{f.samples && <><dt>samples</dt><dd>{formatCount(f.samples[index]!)}</dd><dd class="dim">raw</dd></>}
			</dl>
			<div class="tip-foot">{name.file ? `${visible(name.file)}${name.line ? `:${name.line}` : ""}` : ""}{notes ? `${name.file ? " · " : ""}${notes}` : ""}</div>
		</div>
	);
}
