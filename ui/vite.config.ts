import { defineConfig } from "vitest/config";

export default defineConfig({
	base: "./",
	build: {
		target: "es2022",
		modulePreload: false,
		assetsInlineLimit: 0,
		cssCodeSplit: false,
		reportCompressedSize: true,
	},
	test: { include: ["tests/**/*.test.ts"] },
});
