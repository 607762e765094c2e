// The two top rows: what is looked at, and in which view.

import type { Doc } from "../api/types";
import { formatTime } from "../lib/format";
import { visible } from "../lib/names";
import { navigate, route } from "../state/route";
import { doc, documents, openDoc, sampleType, session, setSetting, settings } from "../state/session";
import { closeDoc, cycleTheme } from "../state/actions";
import { followed, holdsGraph, unfollow } from "../state/follow";
import { unitChoices } from "../lib/format";
import { dialog } from "../state/ui";
import { entering, titleOf, viewsFor } from "../views/registry";
import { CloseIcon, ExportIcon, GearIcon, HelpIcon, Logo, MoonIcon, PanelIcon, RecordIcon, SearchIcon } from "./icons";
import { running } from "./record";

/** What the title does not say. */
function facts(d: Doc): string {
	return d.time_ns ? formatTime(d.time_ns) : "";
}

export function Header() {
	const d = doc.value;
	const groups = new Map<string, Doc[]>();
	for (const x of documents.value) groups.set(x.group ?? "", [...(groups.get(x.group ?? "") ?? []), x]);
	const option = (x: Doc) => <option key={x.id} value={x.id}>{visible(x.title || x.name)}{x.kind === "heap" && documents.value.filter((o) => o.title === x.title).length > 1 ? ` (${x.id})` : ""}</option>;
	return (
		<header class="header">
			<div class="brand"><Logo /> gospect</div>
			{d && (
				<select class="doc-pick" aria-label="Document" value={d.id} onChange={(e) => openDoc(Number(e.currentTarget.value))}>
					{[...groups].map(([group, list]) => (group ? <optgroup key={group} label={visible(group)}>{list.map(option)}</optgroup> : list.map(option)))}
				</select>
			)}
			{d && <button class="icon tiny" title="Close this document (Shift+Q)" aria-label="Close this document" onClick={() => void closeDoc(d.id)}><CloseIcon /></button>}
			{d && followed.value.has(d.id) && <button class="icon-text recording" id="following" title={`${holdsGraph(d.id) ? "The graph stays as it is while you look at a part of it" : "The file is read again as it grows"}. Click to stop`} onClick={() => unfollow(d.id)}>{holdsGraph(d.id) ? "Following waits" : "Following"}</button>}
			{d && <span class="dim facts-line">{facts(d)}</span>}
			<span class="spacer" />
			<button class="omni" onClick={() => (dialog.value = "palette")}><SearchIcon /><span>Go to function or command</span><kbd>Ctrl K</kbd></button>
			{session.value?.can_record && (
				<button class={`icon-text ${running.value ? "recording" : ""}`} title="Record a running program (Shift+R)" onClick={() => (dialog.value = "record")}>
					<RecordIcon />{running.value ? `${Math.round(running.value.job.progress * 100)} %` : "Record"}
				</button>
			)}
			{d && <button class="icon" title="Export (Shift+E)" aria-label="Export" onClick={() => (dialog.value = "export")}><ExportIcon /></button>}
			<button class="icon" title={`Theme: ${settings.value.theme} (Shift+T)`} aria-label="Switch theme" onClick={cycleTheme}><MoonIcon /></button>
			<button class="icon" title="Settings (,)" aria-label="Settings" onClick={() => (dialog.value = "settings")}><GearIcon /></button>
			<button class="icon" title="All keys (?)" aria-label="All keys" onClick={() => (dialog.value = "help")}><HelpIcon /></button>
		</header>
	);
}

export function ViewTabs() {
	const d = doc.value;
	const list = viewsFor(d);
	const r = route.value;
	const types = d?.sample_types ?? [];
	const units = unitChoices(sampleType.value?.unit ?? "");
	const current = list.find((v) => v.id === r.view);
	const profile = types.length > 0 && r.view !== "goroutines" && !current?.heap && !current?.plain;
	return (
		<nav class="tabrow" aria-label="Views">
			<div class="tabs" role="tablist">
				{list.map((v, k) => (
					<button key={v.id} role="tab" aria-selected={v.id === r.view} title={`${v.summary} (${k + 1})`} onClick={() => v.id !== r.view && navigate(entering(v, d))}>{titleOf(v, d)}</button>
				))}
			</div>
			<span class="spacer" />
			{profile && types.length > 1 && (
				<label class="pair">Type
					<select value={sampleType.value?.type ?? ""} onChange={(e) => navigate({ type: e.currentTarget.value, ...(d?.kind === "heap" ? { fn: "", object: "" } : {}) })}>
						{types.map((t) => <option key={t.type} value={t.type}>{visible(t.type)}</option>)}
					</select>
				</label>
			)}
			{(profile || current?.heap) && units.length > 0 && (
				<label class="pair">Unit
					<select value={r.unit} onChange={(e) => navigate({ unit: e.currentTarget.value })}>
						<option value="auto">auto</option>
						{units.map((u) => <option key={u.name} value={u.name}>{u.label}</option>)}
					</select>
				</label>
			)}
			{profile && d?.kind !== "heap" && (
				<label class="pair">By
					<select value={r.granularity} onChange={(e) => navigate({ granularity: e.currentTarget.value })}>
						<option value="functions">function</option><option value="filefunctions">file and function</option><option value="lines">line</option>
						<option value="files">file</option><option value="packages">package</option><option value="addresses">address</option>
					</select>
				</label>
			)}
			{current?.inspector && <button class="icon" aria-pressed={settings.value.inspector} title="Inspector (p)" aria-label="Inspector" onClick={() => setSetting("inspector", !settings.value.inspector)}><PanelIcon /></button>}
		</nav>
	);
}
