import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts'],
    globalSetup: ['scripts/build-once.mjs'], // tests that start workers, the command line or a page use the compiled code
    testTimeout: 120_000,
    pool: 'forks',
    maxWorkers: 2,
    server: { deps: { inline: [/onnx-buf/] } },
  },
});
