// Things a person does, as commands: keys, menus and the palette all call these.

import { ApiError, getJSON, post } from "../api/client";
import { doc, documents, loadSession, openDoc, session, settings, setSetting } from "./session";
import { navigate, route } from "./route";
import { say } from "./ui";

export function addTransform(kind: string, name: string): void {
	const t = name ? `${kind}:${name}` : kind;
	const list = route.peek().transforms;
	if (!list.includes(t)) navigate({ transforms: [...list, t] });
	undone.length = 0;
}

const undone: string[] = [];

export function undoTransform(): void {
	const list = route.peek().transforms;
	if (list.length === 0) return;
	undone.push(list[list.length - 1]!);
	navigate({ transforms: list.slice(0, -1) });
}

export function redoTransform(): void {
	const t = undone.pop();
	if (t) navigate({ transforms: [...route.peek().transforms, t] });
}

export function toggleRecursion(): void {
	const all = "collapse-recursion:*";
	const list = route.peek().transforms;
	navigate({ transforms: list.includes(all) ? list.filter((t) => t !== all) : [...list, all] });
}

export function toggleLabel(sign: "+" | "-", key: string, value: string): void {
	const pick = `${sign}${key}:${value}`;
	const other = `${sign === "+" ? "-" : "+"}${key}:${value}`;
	const list = route.peek().labels.filter((l) => l !== other);
	navigate({ labels: list.includes(pick) ? list.filter((l) => l !== pick) : [...list, pick] });
}

export function cycleTheme(): void {
	const next = { system: "dark", dark: "light", light: "system" } as const;
	setSetting("theme", next[settings.peek().theme]);
	say(`Theme: ${settings.peek().theme}`);
}

export function editorName(): string {
	const known = session.value?.editors ?? [];
	const wanted = settings.value.editor;
	return known.includes(wanted) ? wanted : (known[0] ?? "");
}

export const editorNames: Record<string, string> = { zed: "Zed", vscode: "VS Code", idea: "GoLand", env: "$EDITOR" };

/** What "open" does here: without an editor the place is copied, for a person to paste into one. */
export function openLabel(): string {
	const name = editorName();
	return name ? `Open in ${editorNames[name] ?? name}` : "Copy file:line";
}

export async function openInEditor(file: string, line: number): Promise<void> {
	if (!file) {
		say("This frame names no source file", true);
		return;
	}
	const editor = editorName();
	if (!editor) {
		await copyText(`${file}:${line}`, `${file}:${line}`);
		return;
	}
	try {
		await post("/api/edit", { doc: doc.peek()?.id ?? 1, file, line, editor });
		say(`Opened ${file}:${line}`);
	} catch (error) {
		say(error instanceof ApiError ? error.message : String(error), true);
	}
}

export async function copyText(text: string, what: string): Promise<void> {
	try {
		await navigator.clipboard.writeText(text);
		say(`Copied ${what}`);
	} catch {
		say(`The browser did not allow copying ${what}`, true);
	}
}

export async function openPath(path: string): Promise<boolean> {
	try {
		const { documents } = await post<{ documents: number[] }>("/api/open", { path });
		await loadSession();
		if (documents[0]) openDoc(documents[0]);
		return true;
	} catch (error) {
		say(error instanceof ApiError ? error.message : String(error), true);
		return false;
	}
}

/** The document in sight, or another, is no longer open; the one behind it in the list comes into sight. */
export async function closeDoc(id: number): Promise<void> {
	const all = documents.peek();
	const at = all.findIndex((d) => d.id === id);
	const next = all[at + 1] ?? all[at - 1];
	if (doc.peek()?.id === id && next) openDoc(next.id);
	// Nothing of it is asked about any more.
	if (session.peek()) session.value = { ...session.peek()!, documents: all.filter((d) => d.id !== id) };
	try {
		await post("/api/close", { doc: id });
		say(`Closed ${all[at]?.name ?? ""}`);
	} catch (error) {
		say(error instanceof ApiError ? error.message : String(error), true);
		await loadSession();
	}
}

/** Moves to the next or previous document of the session. */
export function stepDocument(by: 1 | -1): void {
	const all = session.peek()?.documents ?? [];
	const at = all.findIndex((d) => d.id === doc.peek()?.id);
	const next = all[(at + by + all.length) % all.length];
	if (next && next.id !== doc.peek()?.id) openDoc(next.id);
}

export async function countMatches(url: string): Promise<{ pct: number; functions: number } | null> {
	try {
		const a = await getJSON<{ pct: number; functions: unknown[] }>(url);
		return { pct: a.pct, functions: a.functions.length };
	} catch {
		return null;
	}
}
