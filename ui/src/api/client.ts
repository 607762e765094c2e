// One way to the engine: fetch with a small cache, errors with the server's own words.

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

async function request(url: string, init?: RequestInit): Promise<Response> {
	let response: Response;
	try {
		response = await fetch(url, { credentials: "same-origin", ...init });
	} catch (error) {
		if (error instanceof DOMException && error.name === "AbortError") throw error;
		throw new ApiError(0, "gone", "gospect no longer answers; start it again in the terminal");
	}
	if (!response.ok) throw await failure(response);
	return response;
}

export async function getJSON<T>(url: string, signal?: AbortSignal): Promise<T> {
	return (await (await request(url, { signal: signal ?? null })).json()) as T;
}

export async function getFrames(url: string, signal?: AbortSignal): Promise<Frames> {
	return decodeFrames(await (await request(url, { signal: signal ?? null })).arrayBuffer());
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

/** Answers by URL, the least recently used forgotten first. Documents never change, so an answer never goes stale. */
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

	set(url: string, value: unknown): void {
		this.entries.set(url, value);
		if (this.entries.size > this.limit) this.entries.delete(this.entries.keys().next().value as string);
	}
}

export const answers = new AnswerCache(80);
