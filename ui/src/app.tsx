// The page: top rows, the view, the inspector, the drawer, the status line, and what lies on top.

import { effect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Drawer } from "./panels/drawer";
import { ExportMenu } from "./panels/export";
import { Header, ViewTabs } from "./panels/header";
import { Help } from "./panels/help";
import { Inspector } from "./panels/inspector";
import { FrameMenu } from "./panels/menu";
import { Palette } from "./panels/palette";
import { RecordBox, StartPage } from "./panels/record";
import { SettingsBox } from "./panels/settings";
import { Empty, ErrorState, Loading } from "./panels/states";
import { Toolbar } from "./panels/toolbar";
import { formatCount, formatValue } from "./lib/format";
import { visible } from "./lib/names";
import { handleKey } from "./state/commands";
import { navigate, route } from "./state/route";
import { baseDoc, doc, docById, documents, loadSession, ofAllocations, rawSamples, sampleType, session, sessionError, settings, status } from "./state/session";
import { dialog, toast } from "./state/ui";
import { sideOf, views, viewsFor } from "./views/registry";

// A link without a document, or to one that is not open, means the first; a view that cannot show it means its first view.
effect(() => {
	if (!session.value || documents.value.length === 0) return;
	const r = route.value;
	const wanted = docById(r.doc) ?? documents.value[0]!;
	const fits = viewsFor(wanted);
	const patch: Partial<typeof r> = {};
	if (wanted.id !== r.doc) patch.doc = wanted.id;
	if (r.base && !docById(r.base)) patch.base = 0;
	// The plain address of the page says nothing of a view: the one that suits the document best.
	const unsaid = !/^#\/\w/.test(location.hash) && (wanted.kind === "trace" || wanted.kind === "heap");
	if (fits.length && (unsaid || !fits.some((v) => v.id === r.view))) patch.view = fits[0]!.id;
	if (Object.keys(patch).length) queueMicrotask(() => navigate(patch, "replace"));
});

effect(() => {
	const d = doc.value;
	if (typeof document !== "undefined") document.title = d ? `${visible(d.title || d.name)} · gospect` : "gospect";
});

function StatusLine() {
	const d = doc.value;
	const types = d?.sample_types ?? [];
	const at = types.findIndex((t) => t.type === sampleType.value?.type);
	const total = d?.total?.[at];
	return (
		<footer class="status">
			<span id="status" class="status-text" role="status" aria-live="polite">{status.value}</span>
			<span class="spacer" />
			{baseDoc.value && route.value.view === "diff" ? <span>compared with {visible(baseDoc.value.title || baseDoc.value.name)}</span> : null}
			{d && total !== undefined && sampleType.value && route.value.view !== "goroutines" && route.value.view !== "timeline" && !views.find((v) => v.id === route.value.view)?.plain && (d.kind !== "heap" || (ofAllocations.value && !views.find((v) => v.id === route.value.view)?.heap)) ? (
				<span>{visible(sampleType.value.type)} {formatValue(total, sampleType.value.unit, route.value.unit)}{rawSamples.value ? ` · ${formatCount(rawSamples.value)} raw samples` : ""}</span>
			) : null}
		</footer>
	);
}

function Top() {
	switch (dialog.value) {
		case "help": return <Help />;
		case "palette": return <Palette />;
		case "export": return <ExportMenu />;
		case "record": return <RecordBox />;
		case "settings": return <SettingsBox />;
		default: return null;
	}
}

function Main() {
	const r = route.value;
	const d = doc.value;
	if (!d) return <StartPage canRecord={session.value?.can_record ?? false} />;
	const v = views.find((x) => x.id === r.view);
	if (!v || !v.fits(d) || r.doc !== d.id)
		return viewsFor(d).length === 0 ? <Empty title="This document has nothing to show">It was opened as “{visible(d.kind)}”, and holds neither samples nor goroutines.</Empty> : null;
	const View = v.component;
	const inspector = v.inspector && settings.value.inspector;
	const Side = sideOf(v, d);
	return (
		<>
			<ViewTabs />
			<Toolbar />
			<div class={`work ${inspector ? "with-inspector" : ""}`}>
				<main class="view" aria-label={v.title} id="view"><View key={v.series ? v.id : `${v.id}/${d.id}`} /></main>
				{inspector && (Side ? <Side /> : <Inspector />)}
			</div>
			{r.drawer && v.inspector && !v.heap && <Drawer />}
		</>
	);
}

export function App() {
	useEffect(() => {
		void loadSession();
		addEventListener("keydown", handleKey);
		return () => removeEventListener("keydown", handleKey);
	}, []);
	const failed = sessionError.value;
	return (
		<>
			<a class="skip" href="#view" onClick={(e) => { e.preventDefault(); document.querySelector<HTMLElement>("#view [tabindex='0']")?.focus(); }}>To the view</a>
			<Header />
			{failed && !session.value ? <ErrorState error={failed} retry={() => void loadSession()} /> : session.value ? <Main /> : <Loading what="Opening…" />}
			<StatusLine />
			<FrameMenu />
			<Top key={dialog.value} />
			{toast.value && <div class={`toast ${toast.value.bad ? "bad" : ""}`} role={toast.value.bad ? "alert" : "status"}>{visible(toast.value.text)}</div>}
		</>
	);
}
