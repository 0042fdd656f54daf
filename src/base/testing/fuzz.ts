/**
 * How often the tests in `*.fuzz.test.ts` try: as written, or more for a longer search. `BOW2BOT_FUZZ=100 npx vitest run fuzz` tries a hundred times as much. Each
 * prints the seed of a failure; they compare with a reference, or ask that whatever is wrong is a typed error.
 */
export function fuzzRuns(usual: number): number {
  return Math.max(1, Math.round(usual * Number(process.env['BOW2BOT_FUZZ'] ?? 1)));
}
