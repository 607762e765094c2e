// A goroutine dump: thousands of goroutines as the few groups they really are.

import { useMemo, useState } from "preact/hooks";
import type { GoroutineGroup, GoroutinesAnswer } from "../api/types";
import { formatCount, formatDuration } from "../lib/format";
import { baseName, packageOf, visible } from "../lib/names";
import { Bar, formatPercent, Name } from "../panels/cells";
import { DownIcon, RightIcon } from "../panels/icons";
import { Empty, ErrorState, Loading } from "../panels/states";
import { copyText, openInEditor } from "../state/actions";
import { useJSON } from "../state/answer";
import { searchRegExp } from "../state/query";
import { navigate, route } from "../state/route";
import { doc } from "../state/session";

const ways: [string, string][] = [["stack", "Stack"], ["state", "State"], ["wait", "Wait"], ["creator", "Creator"]];

/** The few colours of goroutine states, the same everywhere. */
export function stateClass(state: string): string {
	const s = state.toLowerCase();
	if (s.startsWith("running")) return "st-running";
	if (s.startsWith("runnable")) return "st-runnable";
	if (/syscall|io wait|netpoll|poll/.test(s)) return "st-io";
	if (/sema|mutex|lock|cond\.|waitgroup/.test(s)) return "st-lock";
	if (/chan|select/.test(s)) return "st-chan";
	if (/gc|finalizer|scavenge|force|sweep|idle|dead|system/.test(s)) return "st-system";
	if (/sleep|timer/.test(s)) return "st-sleep";
	return "st-other";
}

function text(group: GoroutineGroup): string {
	return [group.key, group.state, group.creator?.name ?? "", ...group.stack.map((f) => f.name), ...Object.entries(group.labels ?? {}).map(([k, v]) => `${k}:${v}`)].join("\n");
}

export function GoroutinesView() {
	const r = route.value;
	const id = doc.value?.id ?? 1;
	const answer = useJSON<GoroutinesAnswer>(`/api/goroutines?doc=${id}&group-by=${encodeURIComponent(r.goroutineBy)}`);
	const byState = useJSON<GoroutinesAnswer>(`/api/goroutines?doc=${id}&group-by=state`);
	const found = useMemo(() => searchRegExp(r.query), [r.query]);
	const labels = useMemo(() => {
		// A heap's own labels are of what retains it.
		const keys = new Set<string>((doc.value?.kind === "heap" ? [] : doc.value?.labels ?? []).filter((k) => !ways.some(([way]) => way === k)));
		for (const g of answer.data?.groups ?? []) for (const k of Object.keys(g.labels ?? {})) keys.add(k);
		return [...keys].slice(0, 8);
	}, [answer.data, doc.value]);
	if (answer.error) return <ErrorState error={answer.error} />;
	if (!answer.data) return <Loading what="Grouping goroutines…" />;
	const { total, groups } = answer.data;
	if (total === 0)
		return <Empty title="No goroutines here" command="gospect ui http://127.0.0.1:6060">This document holds no goroutine dump. Record a program with a pprof endpoint, or open the text of a panic or of SIGQUIT.</Empty>;
	const wanted = (g: GoroutineGroup) =>
		(!r.goroutineState || g.state === r.goroutineState || g.goroutines.some((x) => x.state === r.goroutineState)) && (!found || found.test(text(g)));
	const list = groups.filter(wanted);
	const shownCount = list.reduce((n, g) => n + g.count, 0);
	return (
		<div class="goroutines">
			<div class="gor-bar">
				<b>{formatCount(shownCount)}</b>{shownCount !== total ? ` of ${formatCount(total)}` : ""} goroutines in {formatCount(list.length)} groups
				<span class="spacer" />
				<span class="dim">group by</span>
				<div class="segments" role="group" aria-label="Group by">
					{[...ways, ...labels.map((k) => [`label:${k}`, k] as [string, string])].map(([way, title]) => (
						<button key={way} aria-pressed={r.goroutineBy === way} onClick={() => navigate({ goroutineBy: way })}>{visible(title)}</button>
					))}
				</div>
			</div>
			{byState.data && byState.data.groups.length > 1 && (
				<div class="gor-states" role="group" aria-label="States">
					{byState.data.groups.map((g) => (
						<button
							key={g.key} class={stateClass(g.state || g.key)} aria-pressed={r.goroutineState === (g.state || g.key)}
							onClick={() => navigate({ goroutineState: r.goroutineState === (g.state || g.key) ? "" : g.state || g.key })}
						>
							<i /> {visible(g.key)} <b>{formatCount(g.count)}</b>
						</button>
					))}
				</div>
			)}
			{list.length === 0 ? <Empty title="No goroutine matches"><button class="link" onClick={() => navigate({ query: "", goroutineState: "" })}>Clear search and state</button></Empty> : (
				<ul class="gor-list">{list.slice(0, 500).map((g, k) => <Group key={`${g.key}#${k}`} g={g} total={total} open={k === 0} />)}</ul>
			)}
			{list.length > 500 && <p class="state-text">{formatCount(list.length - 500)} smaller groups are not shown; search narrows the list.</p>}
		</div>
	);
}

/** The innermost frame that is the program's own: the runtime and the library below it are what every waiter has. */
export function tellingFrame(g: GoroutineGroup) {
	const own = (name: string) => {
		const pkg = packageOf(name);
		return pkg === "main" || pkg.split("/")[0]!.includes(".");
	};
	return g.stack.find((f) => own(f.name)) ?? g.stack.find((f) => !f.name.startsWith("runtime.")) ?? g.stack[0];
}

/** States in a group with their counts, the most frequent first. */
function statesOf(g: GoroutineGroup): [string, number][] {
	const counts = new Map<string, number>();
	for (const x of g.goroutines) counts.set(x.state, (counts.get(x.state) ?? 0) + 1);
	if (counts.size === 0 && g.state) counts.set(g.state, g.count);
	return [...counts].sort((a, b) => b[1] - a[1]);
}

function State({ state, count = 0 }: { state: string; count?: number }) {
	return <span class={`state-chip ${stateClass(state)}`}><i />{visible(state || "–")}{count ? <b> {formatCount(count)}</b> : null}</span>;
}

function Group({ g, total, open }: { g: GoroutineGroup; total: number; open: boolean }) {
	const [expanded, setExpanded] = useState(open);
	const [all, setAll] = useState(false);
	const labels = Object.entries(g.labels ?? {});
	const top = tellingFrame(g);
	const by = route.value.goroutineBy;
	const byStack = by === "stack";
	const states = statesOf(g);
	const members = all ? g.goroutines : g.goroutines.slice(0, 24);
	return (
		<li class="gor">
			<button class="gor-head" aria-expanded={expanded} onClick={() => setExpanded(!expanded)}>
				{expanded ? <DownIcon /> : <RightIcon />}
				<Bar share={g.count / total} text={formatCount(g.count)} tone="plain" />
				<span class="gor-title">{byStack ? (top ? <Name name={top.name} /> : visible(g.key)) : by === "creator" && g.creator ? <Name name={g.creator.name} /> : by === "state" ? <State state={g.key} /> : visible(g.key || "–")}</span>
				<span class="gor-states-of">{by === "state" ? (top ? <Name name={top.name} /> : null) : states.slice(0, 3).map(([s, n]) => <State key={s} state={s} count={states.length > 1 ? n : 0} />)}{states.length > 3 ? <span class="dim">and {states.length - 3} more</span> : null}</span>
				<span class="dim">{g.wait_max_ns > 0 ? `longest ${formatDuration(g.wait_max_ns)}` : ""}</span>
				<span class="dim">{formatPercent(g.count, total)}</span>
			</button>
			{expanded && (
				<div class="gor-body">
					{labels.length > 0 && <div class="chips">{labels.map(([k, v]) => <span class="chip" key={k}>{visible(k)}: {visible(String(v))}</span>)}</div>}
					{!byStack && g.count > 1 && <div class="dim">The stack of one of them{g.goroutines[0] ? `, goroutine ${g.goroutines[0].id}` : ""}:</div>}
					<ol class="stack">
						{g.stack.map((f, k) => (
							<li key={k} class={f.name.startsWith("runtime.") ? "muted" : ""}>
								<Name name={f.name} />{f.args ? <span class="dim mono">({visible(f.args)})</span> : null}
								{f.file && <button class="link where" onClick={() => openInEditor(f.file, f.line)}>{visible(baseName(f.file))}:{f.line}</button>}
							</li>
						))}
						{g.creator && (
							<li class="muted">
								<span>created by <Name name={g.creator.name} /></span>
								{g.creator.file && <button class="link where" onClick={() => openInEditor(g.creator!.file, g.creator!.line)}>{visible(baseName(g.creator.file))}:{g.creator.line}</button>}
							</li>
						)}
					</ol>
					{g.goroutines.length > 0 && (
						<div class="gor-ids">
							<span class="dim">goroutines</span>
							{members.map((x) => <span key={x.id} class="gid" title={x.wait_ns ? `${x.state}, ${formatDuration(x.wait_ns)}` : x.state}>{x.id}{x.wait_ns ? <small>{formatDuration(x.wait_ns)}</small> : null}</span>)}
							{g.goroutines.length > members.length && <button class="link" onClick={() => setAll(true)}>all {formatCount(g.goroutines.length)}</button>}
						</div>
					)}
					<div class="row-actions">
						<button class="link" onClick={() => copyText(g.stack.map((f) => `${f.name}\n\t${f.file}:${f.line}`).join("\n"), "the stack")}>Copy stack</button>
					</div>
				</div>
			)}
		</li>
	);
}
