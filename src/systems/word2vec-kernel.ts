/** Compiled from kernels/word2vec.ts by `node scripts/build-kernels.mjs`; a test compares the bytes with a fresh compilation. */
export const wasm: string = `
AGFzbQEAAAABBAFgAAACEgEDZW52Bm1lbW9yeQIDAYCABAMCAQAHDgIBZgAABm1lbW9yeQIACgQBAgAL
`;
