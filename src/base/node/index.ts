/** The part of the base that needs Node: files. */
export { compiledUrl } from './compiled.ts';
export { filesUnder, isFile, isInside } from './file-tree.ts';
export {
  checkWritable,
  fileError,
  makeFolder,
  readText,
  refuseForeign,
  statIfThere,
  syncFolder,
  typedError,
  writeFileAtomic,
} from './files.ts';
export { acquireLock } from './lock.ts';
export { publishFolder, recoverFolder } from './publish.ts';
