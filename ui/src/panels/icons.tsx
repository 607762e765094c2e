const box = { width: 16, height: 16, viewBox: "0 0 16 16", fill: "none", stroke: "currentColor", "stroke-width": 1.4, "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": true } as const;

export const SearchIcon = () => <svg {...box}><circle cx="7" cy="7" r="4.2" /><path d="M10.2 10.2 14 14" /></svg>;
export const MoonIcon = () => <svg {...box}><circle cx="8" cy="8" r="5.5" /><path d="M8 2.5v11a5.5 5.5 0 0 0 0-11z" fill="currentColor" /></svg>;
export const HelpIcon = () => <svg {...box}><path d="M5.8 6a2.2 2.2 0 1 1 3.2 2c-.7.4-1 .8-1 1.6" /><path d="M8 12.3v.1" /></svg>;
export const ExportIcon = () => <svg {...box}><path d="M8 2v8M4.8 7 8 10.2 11.2 7M2.5 12.5h11" /></svg>;
export const RecordIcon = () => <svg {...box}><circle cx="8" cy="8" r="5.5" /><circle cx="8" cy="8" r="2.3" fill="currentColor" stroke="none" /></svg>;
export const GearIcon = () => <svg {...box}><path d="M2.5 4.5h6M11.5 4.5h2M2.5 11.5h2M7.5 11.5h6" /><circle cx="10" cy="4.5" r="1.5" /><circle cx="6" cy="11.5" r="1.5" /></svg>;
export const CloseIcon = () => <svg {...box}><path d="m4 4 8 8M12 4l-8 8" /></svg>;
export const PanelIcon = () => <svg {...box}><rect x="2" y="3" width="12" height="10" rx="1.5" /><path d="M10 3v10" /></svg>;
export const SwapIcon = () => <svg {...box}><path d="M3 5.5h9.5M10 3l2.5 2.5L10 8M13 10.5H3.5M6 8l-2.5 2.5L6 13" /></svg>;
export const DownIcon = () => <svg {...box}><path d="m4.5 6.5 3.5 3.5 3.5-3.5" /></svg>;
export const RightIcon = () => <svg {...box}><path d="M6.5 4.5 10 8l-3.5 3.5" /></svg>;
export const Logo = () => (
	<svg width="18" height="18" viewBox="0 0 16 16" aria-hidden="true">
		<rect x="1" y="2" width="14" height="3.2" rx="0.6" class="logo-a" />
		<rect x="1" y="6.4" width="9" height="3.2" rx="0.6" class="logo-b" />
		<rect x="1" y="10.8" width="5" height="3.2" rx="0.6" class="logo-c" />
	</svg>
);
