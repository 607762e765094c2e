// An answer of the engine as something a component can hold: old data stays on screen while new data is on its way.

import { useEffect, useRef, useState } from "preact/hooks";
import { answers, ApiError, changes, getFrames, getJSON } from "../api/client";
import type { Frames } from "../api/frames";

export interface Answer<T> {
	data: T | null;
	/** the question that `data` answers; differs from the asked one while loading */
	url: string;
	error: ApiError | null;
	loading: boolean;
}

interface Question { answer: Promise<unknown>; abort: AbortController; users: number; era: number }
const asking = new Map<string, Question>();

/** Two panes that ask the same thing at once share one request; it is given up when the last of them has gone. */
function ask<T>(url: string, load: (url: string, signal: AbortSignal) => Promise<T>): Question {
	let q = asking.get(url);
	if (q && (q.abort.signal.aborted || q.era !== changes.peek())) q = undefined;
	if (!q) {
		const abort = new AbortController();
		const made: Question = { abort, users: 0, era: changes.peek(), answer: load(url, abort.signal) };
		const done = () => {
			if (asking.get(url) === made) asking.delete(url);
		};
		made.answer.then((data) => made.era === changes.peek() && answers.set(url, data)).then(done, done);
		asking.set(url, made);
		q = made;
	}
	q.users++;
	return q;
}

function useAnswer<T>(url: string | null, load: (url: string, signal: AbortSignal) => Promise<T>, salt: number): Answer<T> {
	const [state, setState] = useState<Answer<T>>({ data: null, url: "", error: null, loading: url !== null });
	const asked = useRef<string | null>(null);
	const cached = url === null ? undefined : (answers.get(url) as T | undefined);
	const era = changes.value;

	useEffect(() => {
		asked.current = url;
		if (url === null) {
			setState({ data: null, url: "", error: null, loading: false });
			return;
		}
		if (salt === 0) {
			const hit = answers.get(url) as T | undefined;
			if (hit !== undefined) {
				setState({ data: hit, url, error: null, loading: false });
				return;
			}
		}
		const question = ask(url, load);
		let left = false;
		setState((s) => ({ ...s, loading: true }));
		question.answer.then(
			(data) => {
				if (asked.current === url && question.era === changes.peek()) setState({ data: data as T, url, error: null, loading: false });
			},
			(error: unknown) => {
				if (left || asked.current !== url || question.era !== changes.peek()) return;
				const known = error instanceof ApiError ? error : new ApiError(0, "", String(error));
				setState({ data: null, url, error: known, loading: false });
			},
		);
		return () => {
			left = true;
			if (--question.users === 0) question.abort.abort();
		};
	}, [url, salt, era]);

	// An answer that is already here is used in the same render: switching back must not flash.
	if (url !== null && salt === 0 && cached !== undefined && state.url !== url)
		return { data: cached, url, error: null, loading: false };
	return state;
}

/** `salt` other than 0 asks again instead of taking a remembered answer. */
export function useJSON<T>(url: string | null, salt = 0): Answer<T> {
	return useAnswer<T>(url, (u, s) => getJSON<T>(u, s), salt);
}

export function useFrames(url: string | null): Answer<Frames> {
	return useAnswer<Frames>(url, getFrames, 0);
}
