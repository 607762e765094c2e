import { FlamePane } from "../flame/pane";
import { flameUrl } from "./urls";
import { route } from "../state/route";

export function FlameView() {
	const r = route.value;
	return <FlamePane main url={flameUrl(r)} label="Flame graph" up={r.up} />;
}
