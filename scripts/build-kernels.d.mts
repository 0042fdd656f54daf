/** The kernels whose embedded bytes differ from a fresh compilation. */
export function staleKernels(): Promise<string[]>;
