// Fails the build when what a browser downloads for the first picture outgrows its budget.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const budgetBytes = 150_000;
const dist = new URL("../dist/", import.meta.url).pathname;

function files(dir) {
	return readdirSync(dir).flatMap((name) => {
		const path = join(dir, name);
		return statSync(path).isDirectory() ? files(path) : [path];
	});
}

const total = files(dist).reduce((sum, path) => sum + gzipSync(readFileSync(path), { level: 9 }).length, 0);
console.log(`bundle: ${total} bytes gzipped of ${budgetBytes}`);
if (total > budgetBytes) process.exit(1);
