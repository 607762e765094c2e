// One way to the engine: fetch with a small cache, errors with the server's own words.

import { signal } from "@preact/signals";
import { decodeFrames, type Frames } from "./frames";

export class ApiError extends Error {
	constructor(readonly status: number, readonly code: string, text: string) {
		super(text);
	}
}

async function failure(response: Response): Promise<ApiError> {
	try {
		const body = (await response.json()) as { error?: { code?: string; text?: string } };
		if (body.error?.text) return new ApiError(response.status, body.error.code ?? "", body.error.text);
	} catch {
		// not JSON: the status line has to do
	}
	return new ApiError(response.status, "", `the server answered ${response.status} ${response.statusText}`);
}

/** How often a document was closed or replaced, by this page or another: what was answered before may no longer be so. */
export const changes = signal(0);

function noteChanges(response: Response): void {
	const now = Number(response.headers.get("Gospect-Changes"));
	if (!(now > changes.peek())) return;
	answers.clear();
	changes.value = now;
}

async function request(url: string, init?: RequestInit): Promise<Response> {
	let response: Response;
	try {
		response = await fetch(url, { credentials: "same-origin", ...init });
	} catch (error) {
		if (error instanceof DOMException && error.name === "AbortError") throw error;
		throw new ApiError(0, "gone", "gospect no longer answers; start it again in the terminal");
	}
	noteChanges(response);
	if (!response.ok) throw await failure(response);
	return response;
}

export async function getJSON<T>(url: string, signal?: AbortSignal): Promise<T> {
	return (await (await request(url, { signal: signal ?? null })).json()) as T;
}

export async function getBytes(url: string, signal?: AbortSignal): Promise<ArrayBuffer> {
	return (await request(url, { signal: signal ?? null })).arrayBuffer();
}

export async function getFrames(url: string, signal?: AbortSignal): Promise<Frames> {
	return decodeFrames(await getBytes(url, signal));
}

export async function post<T>(url: string, body: unknown): Promise<T> {
	const response = await request(url, {
		method: "POST",
		headers: { "Content-Type": "application/json" },
		body: JSON.stringify(body),
	});
	const text = await response.text();
	return (text ? JSON.parse(text) : {}) as T;
}

/** Answers by URL, the least recently used forgotten first. A document does not change until it is replaced: then all are forgotten. */
export class AnswerCache {
	private readonly entries = new Map<string, unknown>();
	constructor(private readonly limit: number) {}

	get(url: string): unknown {
		const value = this.entries.get(url);
		if (value !== undefined) {
			this.entries.delete(url);
			this.entries.set(url, value);
		}
		return value;
	}

	clear(): void {
		this.entries.clear();
	}

	set(url: string, value: unknown): void {
		this.entries.set(url, value);
		if (this.entries.size > this.limit) this.entries.delete(this.entries.keys().next().value as string);
	}
}

export const answers = new AnswerCache(80);
