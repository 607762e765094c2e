import { session, setSetting, settings, type Settings } from "../state/session";
import { editorName, editorNames } from "../state/actions";
import { defaultClasses } from "../timeline/states";
import { DialogBox } from "./dialog";

function Choice<K extends keyof Settings>({ title, field, options, note, initial }: { title: string; field: K; options: [Settings[K], string][]; note?: string; initial?: Settings[K] }) {
	const current = settings.value[field] || initial || settings.value[field];
	return (
		<div class="setting">
			<div><b>{title}</b>{note && <div class="dim">{note}</div>}</div>
			<div class="segments" role="group" aria-label={title}>
				{options.map(([value, text]) => <button key={String(value)} aria-pressed={current === value} onClick={() => setSetting(field, value)}>{text}</button>)}
			</div>
		</div>
	);
}

export function SettingsBox() {
	const editors = session.value?.editors ?? [];
	const drawing = document.querySelector<HTMLElement>(".canvas-host")?.dataset.renderer;
	return (
		<DialogBox title="Settings">
			<Choice title="Theme" field="theme" options={[["system", "System"], ["light", "Light"], ["dark", "Dark"]]} />
			<Choice title="Drawing" field="renderer" options={[["auto", "Automatic"], ["webgl2", "WebGL"], ["canvas2d", "Canvas"]]} note={drawing ? `now ${drawing === "webgl2" ? "WebGL" : "Canvas"}; automatic avoids an emulated GPU` : "automatic avoids an emulated GPU"} />
			<Choice title="Wheel" field="wheelZooms" options={[[false, "Scrolls"], [true, "Zooms"]]} note="the other one with Ctrl" />
			<div class="setting">
				<div><b>Classes of regions</b><div class="dim">what ends the class of a name (http-get, db.query): a regular expression</div></div>
				<input type="text" class="mono" aria-label="Classes of regions" placeholder={defaultClasses} value={settings.value.classes} spellcheck={false} onChange={(e) => setSetting("classes", e.currentTarget.value.trim())} />
			</div>
			<div class="setting">
				<div><b>Ask before a pause longer than</b><div class="dim">milliseconds that a process would stand still for a snapshot</div></div>
				<input type="number" min={0} max={60000} aria-label="Ask before a pause longer than, in milliseconds" value={settings.value.pauseMs} onChange={(e) => setSetting("pauseMs", Math.max(0, Number(e.currentTarget.value) || 0))} />
			</div>
			{editors.length > 0 && <Choice title="Open source in" field="editor" initial={editorName()} options={editors.map((e) => [e, editorNames[e] ?? e])} />}
			<p class="dim">gospect {session.value?.version ?? ""}</p>
		</DialogBox>
	);
}
