// The native dialog element: the browser traps the focus, Esc closes, the page behind is inert.

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { dialog } from "../state/ui";
import { CloseIcon } from "./icons";

export function DialogBox({ title, children, wide, bare }: { title: string; children: ComponentChildren; wide?: boolean; bare?: boolean }) {
	const ref = useRef<HTMLDialogElement>(null);
	// Before the next key: what is typed at once belongs in it.
	useLayoutEffect(() => {
		ref.current?.showModal();
		// The close button is first in order but not what one came for.
		if (document.activeElement?.closest("header")) ref.current?.focus();
	}, []);
	const close = () => (dialog.value = "");
	return (
		<dialog
			ref={ref} class={`dialog ${wide ? "wide" : ""} ${bare ? "bare" : ""}`} aria-label={title} tabIndex={-1} onClose={close}
			onClick={(e) => { if (e.target === ref.current) close(); }}
		>
			{!bare && <header><h2>{title}</h2><button class="icon" aria-label="Close" onClick={close}><CloseIcon /></button></header>}
			<div class="dialog-body">{children}</div>
		</dialog>
	);
}
