// Nothing to show, something broken, something on its way: each says what happened and what to do.

import type { ComponentChildren } from "preact";
import type { ApiError } from "../api/client";
import { visible } from "../lib/names";

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
	const title = gone ? "gospect has stopped" : error.status === 401 || error.status === 403 ? "This page is not allowed to ask" : "The engine could not answer";
	return (
		<div class="state" role="alert">
			<h2>{title}</h2>
			<p class="state-text mono">{visible(error.message)}</p>
			{error.status === 401 || error.status === 403 ? (
				<p class="state-text">The address that gospect printed works once, in one browser. Start <code>gospect ui</code> again for a new one.</p>
			) : null}
			{retry && <button class="button" onClick={retry}>Try again</button>}
		</div>
	);
}

export function Loading({ what }: { what: string }) {
	return <div class="state quiet" role="status">{what}</div>;
}
