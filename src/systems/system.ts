/** What the registry holds of a system. */
import type { OpenSystem } from '../capabilities/index.ts';

/** What a system's module gives to the registry: opening its checkpoint folders. */
export type System = { readonly id: string; open(folder: string): Promise<OpenSystem> };
