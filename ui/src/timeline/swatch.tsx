// A small square in the colour of a state.

import { cssColor } from "../render/draw";
import { dark as darkTheme, light as lightTheme } from "../render/color";
import { dark } from "../state/session";
import { stateColor } from "./states";

export function Swatch({ state }: { state: number }) {
	return <i class="swatch" style={{ background: cssColor(stateColor(dark.value ? darkTheme : lightTheme, state)) }} />;
}
