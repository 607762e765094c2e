// What is open, and the few settings that belong to the person and not to the link.

import { computed, effect, signal } from "@preact/signals";
import { ApiError, changes, getJSON } from "../api/client";
import type { Doc, SampleType, Session } from "../api/types";
import { heapViews, navigate, route } from "./route";

export const session = signal<Session | null>(null);
export const sessionError = signal<ApiError | null>(null);

export async function loadSession(): Promise<void> {
	try {
		const answer = await getJSON<Session>("/api/session");
		session.value = { ...answer, follow: answer.follow ?? [], editors: answer.editors ?? [], can_record: answer.can_record ?? false };
		sessionError.value = null;
	} catch (error) {
		sessionError.value = error instanceof ApiError ? error : new ApiError(0, "", String(error));
	}
}

// What is open is another than it was.
effect(() => {
	if (changes.value && session.peek()) void loadSession();
});

export const documents = computed<Doc[]>(() => session.value?.documents ?? []);

export function docById(id: number): Doc | null {
	return documents.value.find((d) => d.id === id) ?? null;
}

/** The open document: the one in the URL, or the first when the URL names none. */
export const doc = computed<Doc | null>(() => {
	const id = route.value.doc;
	return id ? docById(id) : (documents.value[0] ?? null);
});

export const baseDoc = computed<Doc | null>(() => (route.value.base ? docById(route.value.base) : null));

export const sampleType = computed<SampleType | null>(() => {
	const types = doc.value?.sample_types ?? [];
	const wanted = route.value.type || doc.value?.default_type;
	return types.find((t) => t.type === wanted) ?? types[types.length - 1] ?? null;
});

/** Of a heap the graph is of what retains it; or of the calls that allocated, which are code as in any profile. */
export const ofAllocations = computed(() => doc.value?.kind === "heap" && /^(alloc|inuse)_/.test(sampleType.value?.type ?? ""));

/** Documents that can be compared with `d`: other profiles that share its sample types. */
export function comparable(d: Doc): Doc[] {
	const types = new Set((d.sample_types ?? []).map((t) => t.type));
	return documents.value.filter((o) => o.id !== d.id && (o.sample_types ?? []).some((t) => types.has(t.type)));
}

/** Opens a document in the view that fits its kind. */
export function openDoc(id: number): void {
	const d = docById(id);
	if (!d) return;
	const current = route.peek();
	const view = d.kind === "goroutines" ? "goroutines" : d.kind === "trace" ? "timeline" : d.kind === "heap" ? (heapViews.includes(current.view) ? current.view : "heap") : [...heapViews, "goroutines", "timeline"].includes(current.view) ? "flame" : current.view;
	const keepsType = (d.sample_types ?? []).some((t) => t.type === current.type);
	navigate({ doc: id, base: current.base === id ? 0 : current.base, view, type: keepsType ? current.type : "", labels: [], groupBy: "" });
}

export interface Settings {
	theme: "system" | "light" | "dark";
	renderer: "auto" | "webgl2" | "canvas2d";
	wheelZooms: boolean;
	editor: string;
	inspector: boolean;
	/** longer pauses of a process are asked about before a snapshot */
	pauseMs: number;
	/** where the class of a region's or task's name ends: a regular expression */
	classes: string;
}

const settingsKey = "gospect.settings";
const initialSettings: Settings = { theme: "system", renderer: "auto", wheelZooms: false, editor: "", inspector: true, pauseMs: 50, classes: "" };

function storedSettings(): Settings {
	try {
		return { ...initialSettings, ...(JSON.parse(localStorage.getItem(settingsKey) ?? "{}") as Partial<Settings>) };
	} catch {
		return initialSettings;
	}
}

export const settings = signal<Settings>(storedSettings());

export function setSetting<K extends keyof Settings>(key: K, value: Settings[K]): void {
	settings.value = { ...settings.value, [key]: value };
	try {
		localStorage.setItem(settingsKey, JSON.stringify(settings.value));
	} catch {
		// a browser without storage forgets settings on reload, nothing else
	}
}

const systemDark = typeof matchMedia === "undefined" ? null : matchMedia("(prefers-color-scheme: dark)");
const prefersDark = signal(systemDark?.matches ?? false);
systemDark?.addEventListener("change", (e) => (prefersDark.value = e.matches));

export const dark = computed(() =>
	settings.value.theme === "system" ? prefersDark.value : settings.value.theme === "dark",
);

if (typeof document !== "undefined")
	effect(() => {
		document.documentElement.dataset.theme = dark.value ? "dark" : "light";
	});

/** Raw samples behind the graph on screen: what was counted, before any scaling. 0 while unknown. */
const counted = signal({ of: "", samples: 0 });
const countedOf = () => `${doc.value?.id ?? 0}/${sampleType.value?.type ?? ""}`;
export const rawSamples = computed(() => (counted.value.of === countedOf() ? counted.value.samples : 0));

export function setRawSamples(samples: number): void {
	counted.value = { of: countedOf(), samples };
}

/** One line at the bottom of the page; screen readers hear it too. */
export const status = signal("");
