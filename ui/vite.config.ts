import { defineConfig } from "vitest/config";

// GOSPECT_URL names a running `gospect ui` that answers /api while the page is developed.
export default defineConfig({
	base: "./",
	build: {
		target: "es2022",
		modulePreload: false,
		assetsInlineLimit: 0,
		cssCodeSplit: false,
		reportCompressedSize: true,
	},
	server: {
		proxy: process.env.GOSPECT_URL ? { "/api": process.env.GOSPECT_URL } : {},
	},
	test: { include: ["tests/**/*.test.ts"] },
});
