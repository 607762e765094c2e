// The lines of a function with what they cost, and below a line the instructions it became.

import { useEffect, useRef, useState } from "preact/hooks";
import type { ListAnswer, SourceFunction, SourceLine } from "../api/types";
import { visible } from "../lib/names";
import { Name, formatPercent, shown } from "../panels/cells";
import { Empty, ErrorState, Loading } from "../panels/states";
import { openInEditor, openLabel } from "../state/actions";
import { useJSON } from "../state/answer";
import { navigate, route } from "../state/route";
import { PickFunction } from "./pick";
import { listUrl } from "./urls";

/** Warmth of a line in steps, by its share of the hottest one. */
export function heat(value: number, hottest: number): number {
	if (value <= 0 || hottest <= 0) return 0;
	return Math.max(1, Math.ceil(Math.sqrt(value / hottest) * 6));
}

export function missingText(missing: string): string {
	return visible(missing).replace(/^not found/, "The source was not found");
}

export function SourceView() {
	const r = route.value;
	const answer = useJSON<ListAnswer>(r.fn ? listUrl(r, r.fn, r.asm) : null);
	if (!r.fn) return <PickFunction by="flat" title="Choose a function" text="Its source appears here, each line with what it cost." />;
	if (answer.error && answer.error.status !== 404) return <ErrorState error={answer.error} />;
	if (!answer.data && !answer.error) return <Loading what="Reading the source…" />;
	const functions = answer.data?.functions ?? [];
	if (functions.length === 0)
		return <Empty title="No source for this function">The profile holds no samples of <code>{visible(r.fn)}</code> with these filters.</Empty>;
	return <div class="source" aria-busy={answer.loading}>{functions.map((f) => <FunctionSource key={`${f.name}:${f.file}`} f={f} asm={r.asm} />)}</div>;
}

function FunctionSource({ f, asm }: { f: SourceFunction; asm: boolean }) {
	const hottest = Math.max(0, ...f.lines.map((l) => l.flat || 0));
	const hottestCum = Math.max(0, ...f.lines.map((l) => l.cum || 0));
	const [closed, setClosed] = useState<Set<number>>(new Set());
	const target = useRef<HTMLTableRowElement>(null);
	const peak = f.lines.reduce<SourceLine | null>((best, l) => (!best || l.flat > best.flat || (l.flat === best.flat && l.cum > best.cum) ? l : best), null);
	useEffect(() => target.current?.scrollIntoView({ block: "center" }), [f.name, f.file]);
	const where = f.path ?? f.file;
	return (
		<section aria-label={visible(f.name)}>
			<header class="source-head">
				<div><Name name={f.name} /><span class="dim mono path">{visible(where)}{f.start_line ? `:${f.start_line}` : ""}</span></div>
				<div class="source-sum">
					<span>flat <b>{shown(f.flat)}</b></span><span>cum <b>{shown(f.cum)}</b></span>
					<label class="check"><input type="checkbox" checked={asm} onChange={(e) => navigate({ asm: e.currentTarget.checked })} /> instructions</label>
					<button class="button small" disabled={!where} onClick={() => openInEditor(where, peak?.n ?? f.start_line)}>{openLabel()}</button>
				</div>
			</header>
			{f.missing && <div class="note" role="note">{missingText(f.missing)}. <span class="dim">The costs of the lines are right all the same. Start with</span> <code>--source-path FOLDER</code> <span class="dim">to name the place.</span></div>}
			<table class="lines">
				<thead><tr><th class="num">Flat</th><th class="num">Cum</th><th class="num">Line</th><th>{f.missing ? "" : "Source"}</th></tr></thead>
				<tbody>
					{f.lines.map((l) => (
						<LineRows
							key={l.n} l={l} f={f} hot={heat(l.flat, hottest)} warm={heat(l.cum, hottestCum)} asm={asm && !closed.has(l.n)}
							rowRef={l === peak ? target : undefined}
							toggle={() => { const s = new Set(closed); if (!s.delete(l.n)) s.add(l.n); setClosed(s); }}
						/>
					))}
				</tbody>
			</table>
		</section>
	);
}

function LineRows({ l, f, hot, warm, asm, rowRef, toggle }: {
	l: SourceLine; f: SourceFunction; hot: number; warm: number; asm: boolean; toggle(): void;
	rowRef: { current: HTMLTableRowElement | null } | undefined;
}) {
	const where = f.path ?? f.file;
	return (
		<>
			<tr class={`line heat-${hot || Math.min(2, Math.ceil(warm / 3))}`} ref={rowRef}>
				<td class="num" title={l.flat ? formatPercent(l.flat, f.cum) + " of this function" : undefined}>{l.flat ? shown(l.flat) : ""}</td>
				<td class="num">{l.cum ? shown(l.cum) : ""}</td>
				<td class="num"><button class="lineno" title={`${openLabel()}, line ${l.n}`} onClick={() => openInEditor(where, l.n)}>{l.n}</button></td>
				<td class="code" onClick={l.asm?.length ? toggle : undefined}>{visible(l.text.replaceAll("\t", "    "))}</td>
			</tr>
			{asm && l.asm?.map((a, k) => (
				<tr key={k} class="asm">
					<td class="num">{a.flat ? shown(a.flat) : ""}</td>
					<td class="num">{a.cum ? shown(a.cum) : ""}</td>
					<td class="num dim">{visible(a.address).replace(/^0x0*/, "")}</td>
					<td class="code">{visible(a.text)}{a.inline?.length ? <span class="dim"> ; {visible(a.inline.join(" ← "))}</span> : null}</td>
				</tr>
			))}
		</>
	);
}
