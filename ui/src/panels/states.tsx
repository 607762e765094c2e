// Nothing to show, something broken, something on its way: each says what happened and what to do.

import type { ComponentChildren } from "preact";
import type { ApiError } from "../api/client";
import { visible } from "../lib/names";
import { navigate, noFilters, route } from "../state/route";

export function Empty({ title, children, command }: { title: string; children?: ComponentChildren; command?: string }) {
	return (
		<div class="state">
			<h2>{title}</h2>
			{children && <div class="state-text">{children}</div>}
			{command && <pre class="command">{command}</pre>}
		</div>
	);
}

export function ErrorState({ error, retry }: { error: ApiError; retry?: () => void }) {
	const gone = error.code === "gone";
	const denied = error.status === 401 || error.status === 403;
	const title = gone ? "gospect has stopped" : denied ? "This page is not allowed to ask" : error.status === 404 ? "There is no such thing here" : error.status === 400 ? "This cannot be asked" : "The engine could not answer";
	const r = route.value;
	const filtered = !gone && !denied && (r.filter || r.transforms.length || r.labels.length || r.range || r.goroutines.length || r.starters.length || (r.query && r.mode === "filter"));
	return (
		<div class="state" role="alert">
			<h2>{title}</h2>
			<p class="state-text mono">{visible(error.message)}</p>
			{denied ? (
				<p class="state-text">The address that gospect printed works once, in one browser. Start <code>gospect ui</code> again for a new one.</p>
			) : null}
			{filtered ? <button class="button" onClick={() => navigate(noFilters)}>Remove all filters</button> : null}
			{retry && <button class="button" onClick={retry}>Try again</button>}
		</div>
	);
}

export function Loading({ what }: { what: string }) {
	return <div class="state quiet" role="status">{what}</div>;
}
