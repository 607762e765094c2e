import { describe, expect, it } from "vitest";
import { formatChange, formatCount, formatDelta, formatDuration, formatPercent, formatValue } from "../src/lib/format";
import { fitName, packageOf, spellings, visible } from "../src/lib/names";
import { sortRows } from "../src/views/table";
import { heat } from "../src/views/source";
import { stateClass } from "../src/views/goroutines";

describe("numbers", () => {
	it("carry three figures and the largest unit that fits", () => {
		expect(formatValue(12_340_000_000, "nanoseconds")).toBe("12.3 s");
		expect(formatValue(999_999_999, "nanoseconds")).toBe("1.00 s");
		expect(formatValue(1500, "nanoseconds")).toBe("1.50 µs");
		expect(formatValue(1536, "bytes")).toBe("1.50 kB");
		expect(formatValue(3 * 1024 ** 3, "bytes")).toBe("3.00 GB");
		expect(formatValue(1234567, "count")).toBe("1,234,567");
		expect(formatValue(0, "bytes")).toBe("0");
		expect(formatValue(5, "bananas")).toBe("5 bananas");
	});
	it("stay in the unit that was asked for", () => {
		expect(formatValue(1_500_000_000, "nanoseconds", "ms")).toBe("1,500 ms");
		expect(formatValue(512, "bytes", "kB")).toBe("0.50 kB");
		expect(formatValue(2, "seconds", "ms")).toBe("2,000 ms");
	});
	it("show a sign for differences", () => {
		expect(formatDelta(1e9, "nanoseconds")).toBe("+1.00 s");
		expect(formatDelta(-1e9, "nanoseconds")).toBe("−1.00 s");
		expect(formatDelta(0, "nanoseconds")).toBe("0");
		expect(formatChange(150, 100)).toBe("+50 %");
		expect(formatChange(0, 5)).toBe("removed");
		expect(formatChange(5, 0)).toBe("new");
		expect(formatChange(5000, 100)).toBe("×50.0");
	});
	it("percentages never say 100 or 0 for what is not", () => {
		expect(formatPercent(1, 1)).toBe("100 %");
		expect(formatPercent(0, 10)).toBe("0 %");
		expect(formatPercent(1, 1e9)).toBe("<0.01 %");
		expect(formatPercent(999, 1000)).toBe("99.9 %");
		expect(formatPercent(1, 0)).toBe("–");
	});
	it("waits read as a person says them", () => {
		expect(formatDuration(90e9)).toBe("1 min 30 s");
		expect(formatDuration(7200e9)).toBe("2 h");
		expect(formatCount(-1200)).toBe("−1,200");
	});
});

describe("names", () => {
	it("shorten from the front", () => {
		expect(spellings("net/http.(*Server).ServeHTTP")).toEqual(["http.(*Server).ServeHTTP", "(*Server).ServeHTTP", "ServeHTTP"]);
		expect(spellings("main.main")).toEqual(["main.main", "main"]);
		expect(spellings("main.run.func1")).toEqual(["main.run.func1", "run.func1"]);
		expect(spellings("memcpy")).toEqual(["memcpy"]);
		expect(spellings("a/b.Map[go.shape.int,c/d.T].Get")[0]).toBe("b.Map[…].Get");
		expect(spellings("gopkg.in/yaml%2ev3.Marshal")).toEqual(["yaml.v3.Marshal", "Marshal"]);
		expect(spellings("")).toEqual([""]);
	});
	it("are cut only when nothing shorter fits", () => {
		const measure = (s: string) => s.length;
		expect(fitName(["http.Serve", "Serve"], 6, measure)).toBe("Serve");
		expect(fitName(["http.Serve", "Serve"], 4, measure)).toBe("Ser…");
		expect(fitName(["http.Serve", "Serve"], 2, measure)).toBe("");
	});
	it("cannot break lines, colour a terminal or turn the text around", () => {
		expect(visible("a\u001b[31mb\nc\u202ed\u0000\u200b")).toBe("a\\x1b[31mb\\nc\\u202ed\\x00\\u200b");
		expect(visible("<img src=x>")).toBe("<img src=x>");
	});
	it("know their package", () => {
		expect(packageOf("gopkg.in/yaml%2ev3.Marshal")).toBe("gopkg.in/yaml%2ev3");
		expect(packageOf("net/http.(*Server).Serve")).toBe("net/http");
		expect(packageOf("memcpy")).toBe("");
	});
});

describe("tables", () => {
	it("sort both ways without touching their input", () => {
		const rows = [{ n: 2, s: "b" }, { n: 1, s: "c" }, { n: 3, s: "a" }];
		const by = (r: { n: number; s: string }, k: string) => (k === "s" ? r.s : r.n);
		expect(sortRows(rows, "-n", by).map((r) => r.n)).toEqual([3, 2, 1]);
		expect(sortRows(rows, "s", by).map((r) => r.s)).toEqual(["a", "b", "c"]);
		expect(rows[0]!.n).toBe(2);
	});
	it("heat grows with cost and is never lost for a line that costs something", () => {
		expect([heat(0, 10), heat(0.001, 10), heat(10, 10)]).toEqual([0, 1, 6]);
	});
	it("goroutine states have few, fixed colours", () => {
		expect(stateClass("chan receive")).toBe("st-chan");
		expect(stateClass("sync.Mutex.Lock")).toBe("st-lock");
		expect(stateClass("IO wait")).toBe("st-io");
		expect(stateClass("running")).toBe("st-running");
		expect(stateClass("something new")).toBe("st-other");
	});
});
