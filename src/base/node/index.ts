/** The part of the base that needs Node: files. */
export { compiledUrl } from './compiled.ts';
export { fileError, readText, syncFolder, writeFileAtomic } from './files.ts';
export { acquireLock } from './lock.ts';
