// Recording a running program: choose it, say how long, watch it, look at the result.

import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { ApiError, getJSON, post } from "../api/client";
import type { SnapshotPlan, SnapshotWay } from "../api/heap";
import type { Job, Process } from "../api/types";
import { formatDuration, formatValue } from "../lib/format";
import { visible } from "../lib/names";
import { openPath } from "../state/actions";
import { loadSession, openDoc, settings } from "../state/session";
import { dialog, say } from "../state/ui";
import { DialogBox } from "./dialog";
import { Empty, ErrorState } from "./states";
import { VirtualTable, type Column } from "./table";

/** seconds 0: a snapshot of the heap */
interface Running { id: number; name: string; seconds: number; job: Job; since: number }

/** The recording under way; it goes on when the dialog is closed. */
export const running = signal<Running | null>(null);

const pollMs = 250;

async function follow(id: number): Promise<void> {
	for (;;) {
		await new Promise((done) => setTimeout(done, pollMs));
		const current = running.peek();
		if (!current || current.id !== id) return;
		let job: Job;
		try {
			job = await getJSON<Job>(`/api/jobs?id=${id}`);
		} catch (error) {
			running.value = null;
			say(error instanceof ApiError ? error.message : String(error), true);
			return;
		}
		running.value = { ...current, job };
		if (job.state === "running") continue;
		running.value = null;
		if (job.documents.length) {
			await loadSession();
			openDoc(job.documents[0]!);
			dialog.value = "";
			say(job.snapshot ? `${current.name} stood still for ${formatDuration(job.snapshot.pause_ns)}` : `Recorded ${current.name}: ${job.documents.length} ${job.documents.length === 1 ? "document" : "documents"}`);
		} else {
			const text = typeof job.error === "string" ? job.error : job.error?.text;
			failure.value = { what: current.seconds ? "recording" : "snapshot", text: text || job.message || "It holds nothing" };
			dialog.value = "record";
		}
		return;
	}
}

const failure = signal<{ what: string; text: string } | null>(null);

export async function start(target: { pid: number } | { url: string }, name: string, seconds: number, frequency: number): Promise<void> {
	await begin("recording", "/api/record", { ...target, duration_ns: seconds * 1e9, frequency }, name, seconds);
}

/** The memory of a process, unless the pause that is predicted by then is longer than the one that was agreed to. */
export async function snapshot(pid: number, name: string, agreedNs: number): Promise<void> {
	await begin("snapshot", "/api/snapshot", { pid, max_pause_ns: Math.ceil(agreedNs) }, name, 0);
}

async function begin(what: string, url: string, body: unknown, name: string, seconds: number): Promise<void> {
	failure.value = null;
	try {
		const { job } = await post<{ job: number }>(url, body);
		running.value = { id: job, name, seconds, since: Date.now(), job: { state: "running", progress: 0, message: "", documents: [], error: null } };
		void follow(job);
	} catch (error) {
		failure.value = { what, text: error instanceof ApiError ? error.message : String(error) };
	}
}

export async function stop(): Promise<void> {
	const current = running.peek();
	if (!current) return;
	try {
		await post("/api/stop", { job: current.id });
	} catch (error) {
		say(error instanceof ApiError ? error.message : String(error), true);
	}
}

export function RecordBox() {
	return <DialogBox title="Record a running program, or take its heap" wide><RecordForm /></DialogBox>;
}

export function RecordForm() {
	const [processes, setProcesses] = useState<Process[] | null>(null);
	const [error, setError] = useState<ApiError | null>(null);
	const [pid, setPid] = useState(0);
	const [address, setAddress] = useState("");
	const [seconds, setSeconds] = useState(30);
	const [frequency, setFrequency] = useState(99);
	const [plan, setPlan] = useState<SnapshotPlan | { pid: number; obstacle: string } | null>(null);
	const [asking, setAsking] = useState(false);
	const now = running.value;

	useEffect(() => {
		let alive = true;
		const ask = async () => {
			try {
				const answer = await getJSON<{ processes: Process[] }>("/api/ps");
				if (!alive) return;
				setProcesses(answer.processes);
				setPid((old) => (answer.processes.some((p) => p.pid === old) ? old : (answer.processes[0]?.pid ?? 0)));
				setError(null);
			} catch (e) {
				if (alive) setError(e instanceof ApiError ? e : new ApiError(0, "", String(e)));
			}
		};
		void ask();
		const timer = setInterval(ask, 3000);
		return () => {
			alive = false;
			clearInterval(timer);
		};
	}, []);

	// What a snapshot of the chosen one would be: again each time that the list is new, since it depends on how busy the machine is.
	useEffect(() => {
		if (!pid || now) return;
		let alive = true;
		getJSON<SnapshotPlan>(`/api/snapshot-plan?pid=${pid}`).then(
			(p) => alive && setPlan(p),
			(e: unknown) => alive && setPlan({ pid, obstacle: e instanceof ApiError ? e.message : String(e) }),
		);
		return () => {
			alive = false;
		};
	}, [pid, processes, now === null]);
	useEffect(() => setAsking(false), [pid, address]);

	if (now) return <Progress now={now} />;
	const chosen = processes?.find((p) => p.pid === pid);
	const title = (p: Process) => `${visible(p.module || p.command)} (${p.pid})`;
	const go = () => {
		if (address.trim()) void start({ url: address.trim() }, address.trim(), seconds, frequency);
		else if (chosen) void start({ pid }, title(chosen), seconds, frequency);
	};
	const known = plan && chosen && plan.pid === pid && !address.trim() ? plan : null;
	const ready = known && known.obstacle === null ? (known as SnapshotPlan) : null;
	const limitNs = settings.value.pauseMs * 1e6;
	const take = (agreedNs: number) => {
		setAsking(false);
		if (chosen) void snapshot(chosen.pid, title(chosen), agreedNs);
	};
	const columns: Column<Process>[] = [
		{ key: "pid", title: "PID", track: "72px", numeric: true, cell: (p) => String(p.pid) },
		{ key: "command", title: "Program", track: "minmax(180px, 1.4fr)", cell: (p) => <span title={visible(p.command)}>{visible(p.module ? p.module + (p.module_version ? `@${p.module_version}` : "") : p.command)}</span> },
		{ key: "go", title: "Go", track: "84px", cell: (p) => visible((p.go_version || "").replace(/^go/, "")) },
		{ key: "cpu", title: "CPU", track: "70px", numeric: true, cell: (p) => (typeof p.cpu_pct === "number" ? `${p.cpu_pct.toFixed(p.cpu_pct >= 10 ? 0 : 1)} %` : "") },
		{ key: "rss", title: "Memory", track: "84px", numeric: true, cell: (p) => (p.rss_bytes ? formatValue(p.rss_bytes, "bytes") : "") },
		{ key: "pprof", title: "Endpoint", track: "minmax(110px, 1fr)", cell: (p) => <span class="dim">{p.pprof ? visible(p.pprof.replace(/^https?:\/\//, "").replace(/\/debug\/pprof.*/, "")) : p.is_stopped ? "stopped" : p.silent_sockets ? "no answer" : "none needed"}</span> },
		{ key: "container", title: "Container", track: "110px", cell: (p) => <span class="dim">{visible(p.container ?? "")}</span> },
	];
	return (
		<div class="record">
			{failure.value && <div class="note bad" role="alert"><b>The last {failure.value.what} failed.</b> {visible(failure.value.text)}</div>}
			<div class="record-list">
				{error ? <ErrorState error={error} /> : processes === null ? <p class="state quiet">Looking for Go programs…</p> : processes.length === 0 ? (
					<Empty title="No Go program runs here that you may see" command="sudo gospect ps">Programs of other users need more rights. The doctor says what this machine allows: gospect doctor.</Empty>
				) : (
					<VirtualTable
						label="Running Go programs" columns={columns} rows={processes} keyOf={(p) => String(p.pid)} selected={address ? "" : String(pid)}
						onSelect={(p) => { setPid(p.pid); setAddress(""); }} onOpen={go}
					/>
				)}
			</div>
			<div class="record-form">
				<label class="grow">or an address<input type="text" placeholder="http://host:6060" value={address} spellcheck={false} onInput={(e) => setAddress(e.currentTarget.value)} /></label>
				<label>Seconds<input type="number" min={1} max={3600} value={seconds} onInput={(e) => setSeconds(Math.max(1, Number(e.currentTarget.value) || 1))} /></label>
				<label>Per second<input type="number" min={1} max={10000} value={frequency} onInput={(e) => setFrequency(Math.max(1, Number(e.currentTarget.value) || 1))} /></label>
				<button
					class="button" disabled={!ready} aria-describedby="snapshot-plan" title="Writes its memory as a core and opens it; the process goes on as if nothing had been"
					onClick={() => ready && (ready.predicted_pause_ns > limitNs ? setAsking(true) : take(limitNs))}
				>Snapshot of the heap</button>
				<button class="button primary" disabled={!address.trim() && !chosen} onClick={go}>Record {seconds} s</button>
			</div>
			<p class="snapshot-plan" id="snapshot-plan" role="status">
				{address.trim() ? <span class="dim">A snapshot is of a process of this machine.</span> : !known ? (chosen ? <span class="dim">…</span> : "") : !ready ? <><b>No snapshot.</b> {visible(known.obstacle ?? "")}</> : <PlanText plan={ready} />}
			</p>
			{asking && ready && (
				<div class="note bad ask" role="alertdialog" aria-label="A long pause">
					<span><b>{title(chosen!)} would stand still for about {formatDuration(ready.predicted_pause_ns)}.</b> That is longer than the {formatDuration(limitNs)} of your settings; what it serves waits meanwhile.</span>
					<span class="row-actions">
						<button class="button" ref={(e) => e?.focus()} onClick={() => take(2 * ready.predicted_pause_ns)}>Take it all the same</button>
						<button class="link" onClick={() => setAsking(false)}>Leave it</button>
					</span>
				</div>
			)}
		</div>
	);
}

const PLANS: Record<SnapshotWay, string> = {
	precopy: "for what it writes to while its memory is copied",
	fork: "while a copy-on-write child is made",
	copy: "while its memory is copied",
};

function PlanText({ plan }: { plan: SnapshotPlan }) {
	return (
		<>
			A snapshot makes it stand still for about <b>{formatDuration(plan.predicted_pause_ns)}</b>, {PLANS[plan.how]}
			<span class="dim"> ({visible(plan.why)})</span>; {formatValue(plan.memory_bytes, "bytes")} of memory, all its secrets included, go into a file for you alone.
		</>
	);
}

function Progress({ now }: { now: Running }) {
	const share = Math.max(0, Math.min(1, now.job.progress));
	return (
		<div class="progress-box" role="status">
			<h3>{now.name}</h3>
			<div class="progress" role="progressbar" aria-valuenow={Math.round(share * 100)} aria-valuemin={0} aria-valuemax={100} aria-label={now.seconds ? "Recording" : "Snapshot"}><span style={{ width: `${share * 100}%` }} /></div>
			<p class="dim">{visible(now.job.message) || (now.seconds ? `recording for ${now.seconds} s` : "taking a snapshot")}{now.job.snapshot ? `; it stood still for ${formatDuration(now.job.snapshot.pause_ns)}` : ""}</p>
			<div class="row-actions"><button class="button" onClick={stop}>{now.seconds ? "Stop and keep what was taken" : "Give up"}</button><button class="link" onClick={() => (dialog.value = "")}>Hide</button></div>
		</div>
	);
}

/** Shown when gospect was started without anything to look at. */
export function StartPage({ canRecord }: { canRecord: boolean }) {
	const [path, setPath] = useState("");
	return (
		<div class="start">
			<h1>Why is it slow, stuck or growing?</h1>
			<section>
				<h2>Open a file, a capture or an address</h2>
				<form class="record-form" onSubmit={(e) => { e.preventDefault(); if (path.trim()) void openPath(path.trim()); }}>
					<label class="grow">Path<input type="text" autoFocus placeholder="cpu.pprof, a capture folder, a goroutine dump, perf.data" value={path} spellcheck={false} onInput={(e) => setPath(e.currentTarget.value)} /></label>
					<button class="button primary" disabled={!path.trim()}>Open</button>
				</form>
			</section>
			{canRecord && <section><h2>Record a running program, or take its heap</h2><RecordForm /></section>}
		</div>
	);
}
