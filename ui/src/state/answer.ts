// An answer of the engine as something a component can hold: old data stays on screen while new data is on its way.

import { useEffect, useRef, useState } from "preact/hooks";
import { answers, ApiError, getFrames, getJSON } from "../api/client";
import type { Frames } from "../api/frames";

export interface Answer<T> {
	data: T | null;
	/** the question that `data` answers; differs from the asked one while loading */
	url: string;
	error: ApiError | null;
	loading: boolean;
}

function useAnswer<T>(url: string | null, load: (url: string, signal: AbortSignal) => Promise<T>, salt: number): Answer<T> {
	const [state, setState] = useState<Answer<T>>({ data: null, url: "", error: null, loading: url !== null });
	const asked = useRef<string | null>(null);
	const cached = url === null ? undefined : (answers.get(url) as T | undefined);

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
		const abort = new AbortController();
		setState((s) => ({ ...s, loading: true }));
		load(url, abort.signal).then(
			(data) => {
				answers.set(url, data);
				if (asked.current === url) setState({ data, url, error: null, loading: false });
			},
			(error: unknown) => {
				if (abort.signal.aborted || asked.current !== url) return;
				const known = error instanceof ApiError ? error : new ApiError(0, "", String(error));
				setState({ data: null, url, error: known, loading: false });
			},
		);
		return () => abort.abort();
	}, [url, salt]);

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
