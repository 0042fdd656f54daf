/** The part of the base that needs Node: files. */
export { fileError, readText, syncFolder, writeFileAtomic } from './files.ts';
export { acquireLock } from './lock.ts';
